import * as React from 'react';

import * as api from '../api';
import { Button, Problem, Section, useAct, useResource } from '../parts';
import { eventOf, isAlarming, when } from '../words';
import { IPanelProps } from './panel';

const PAGE = 20;
/** So many come at once: fewer are the last ones. */
const LOT = 200;

export function History({ trans, me, version }: IPanelProps): JSX.Element {
  const events = useResource(trans, version, () => api.events());
  const [older, setOlder] = React.useState<api.IEvent[]>([]);
  const [shown, setShown] = React.useState(PAGE);
  const [isLast, setLast] = React.useState(false);
  // By id: newer ones have come to the first lot since the older lots were loaded.
  const all = [...new Map([...(events.data ?? []), ...older].map(event => [event.id, event])).values()];
  const mayHaveMore = !isLast && (events.data?.length ?? 0) >= LOT;
  const act = useAct(trans);
  const more = async () => {
    if (shown + PAGE > all.length && mayHaveMore) {
      const lot = await api.events(all[all.length - 1].id);
      setOlder([...all, ...lot]);
      setLast(lot.length < LOT);
    }
    setShown(shown + PAGE);
  };
  return (
    <Section trans={trans} title={trans.__('My history')} resource={events}>
      <table className="jp-totp-history">
        <thead>
          <tr>
            <th scope="col">{trans.__('When')}</th>
            <th scope="col">{trans.__('What')}</th>
            <th scope="col">{trans.__('From')}</th>
          </tr>
        </thead>
        <tbody>
          {all.slice(0, shown).map(event => (
            <tr key={event.id} className={isAlarming(event.event) ? 'jp-totp-alarming' : undefined}>
              <td>{when(trans, event.at)}</td>
              <td>
                {eventOf(trans, event.event)}
                {event.actor && event.actor !== me.username && ` (${trans.__('by %1', event.actor)})`}
              </td>
              <td>{event.client}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {(shown < all.length || mayHaveMore) && (
        <Button disabled={act.busy} onClick={() => act.run(more)}>
          {trans.__('Show more')}
        </Button>
      )}
      <Problem act={act} />
    </Section>
  );
}
