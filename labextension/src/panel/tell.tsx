import * as React from 'react';

import * as api from '../api';
import { Button, Field, Problem, useAct } from '../parts';
import { freshly } from '../stepup';
import { when } from '../words';
import { IPanelProps } from './panel';

const HOUR = 3600;
const DAY = 24 * HOUR;
const LONGEST = 500;

type Props = Pick<IPanelProps, 'trans' | 'me' | 'changed'>;

/** A notice to everybody, and those that are shown now. */
export function TellEverybody({ trans, me, changed }: Props): JSX.Element {
  const act = useAct(trans);
  const [message, setMessage] = React.useState('');
  const [lasts, setLasts] = React.useState(DAY);
  const send = async () => {
    await freshly(trans, () => api.sendNotice(message, lasts));
    setMessage('');
    await changed();
    return trans.__('Everybody is told.');
  };
  const withdraw = async (notice: api.INotice) => {
    await api.withdrawNotice(notice.id);
    await changed();
    return trans.__('The notice is taken back.');
  };
  return (
    <div className="jp-totp-tell">
      <h3>{trans.__('Tell everybody')}</h3>
      <p className="jp-totp-about">
        {trans.__('Shown to everybody who has JupyterLab open, and to whoever comes later. Text only.')}
      </p>
      <ul className="jp-totp-list">
        {me.notices.map(notice => (
          <li key={notice.id}>
            <div className="jp-totp-what">
              <strong dir="auto">{notice.message}</strong>
              <span>
                {trans.__('%1, until %2', notice.sender ?? trans.__('operator'), when(trans, notice.expires_at))}
              </span>
            </div>
            <div className="jp-totp-acts">
              <Button
                hook="withdraw-notice"
                disabled={act.busy}
                onClick={() => act.run(() => withdraw(notice))}
                label={trans.__('Take back: %1', notice.message)}
              >
                {trans.__('Take back')}
              </Button>
            </div>
          </li>
        ))}
      </ul>
      <form className="jp-totp-inline" onSubmit={act.submit(send)}>
        <Field
          name="message"
          label={trans.__('Notice')}
          value={message}
          onChange={setMessage}
          hint={message.length > LONGEST ? trans.__('At most %1 characters.', LONGEST) : undefined}
        />
        <label className="jp-totp-choice">
          {trans.__('Shown for')}{' '}
          <select
            className="jp-mod-styled"
            name="lasts"
            value={lasts}
            onChange={event => setLasts(Number(event.target.value))}
          >
            <option value={HOUR}>{trans.__('an hour')}</option>
            <option value={DAY}>{trans.__('a day')}</option>
            <option value={7 * DAY}>{trans.__('a week')}</option>
          </select>
        </label>
        <button
          className="jp-totp-button jp-totp-main"
          data-totp="send-notice"
          disabled={act.busy || !message.trim() || message.length > LONGEST}
        >
          {trans.__('Tell everybody')}
        </button>
      </form>
      <Problem act={act} />
    </div>
  );
}
