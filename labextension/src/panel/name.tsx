import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import * as api from '../api';
import { Face, Field, Problem, Section, useAct, useId } from '../parts';
import { IPanelProps } from './panel';

/** JupyterLab's own colours for people, light or dark as its theme is. */
function colors(trans: TranslationBundle): Record<string, string> {
  const words = [
    trans.__('orange'),
    trans.__('yellow'),
    trans.__('green'),
    trans.__('turquoise'),
    trans.__('blue'),
    trans.__('violet'),
    trans.__('pink')
  ];
  return Object.fromEntries(words.map((word, index) => [`var(--jp-collaborator-color${index + 1})`, word]));
}

/** Name, initials and colour: how others see a person in shared documents. */
export function Name({ trans, me, changed }: IPanelProps): JSX.Element {
  const [profile, setProfile] = React.useState<api.Profile>(me);
  const act = useAct(trans);
  React.useEffect(() => setProfile(me), [me.display_name, me.initials, me.color]);
  const set = (part: Partial<api.Profile>) => setProfile(before => ({ ...before, ...part }));
  const change = async () => {
    const { display_name, initials, color } = profile;
    await api.changeMe({ display_name, initials, color });
    await changed();
    return trans.__('This is how others see you from now on.');
  };
  return (
    <Section
      trans={trans}
      title={trans.__('My name')}
      about={trans.__('How others see you in shared documents. Your user name stays %1.', me.username)}
    >
      <form className="jp-totp-inline jp-totp-name" onSubmit={act.submit(change)}>
        <Face me={{ ...me, ...profile }} />
        <Field
          name="display_name"
          label={trans.__('Name')}
          autoComplete="name"
          value={profile.display_name}
          onChange={display_name => set({ display_name })}
        />
        <Field
          name="initials"
          label={trans.__('Initials')}
          value={profile.initials}
          onChange={initials => set({ initials })}
        />
        <Colors trans={trans} color={profile.color} choose={color => set({ color })} />
        <button className="jp-totp-button jp-totp-main" data-totp="change-name" disabled={act.busy}>
          {trans.__('Change')}
        </button>
      </form>
      <Problem act={act} />
    </Section>
  );
}

interface IColorsProps {
  trans: TranslationBundle;
  color: string;
  choose: (color: string) => void;
}

function Colors({ trans, color, choose }: IColorsProps): JSX.Element {
  const group = useId();
  const offered = colors(trans);
  // One that was chosen elsewhere stays, until another is.
  const all = color in offered ? offered : { [color]: color, ...offered };
  return (
    <fieldset className="jp-totp-colors">
      <legend>{trans.__('Colour')}</legend>
      {Object.entries(all).map(([value, word]) => (
        <label key={value} title={word}>
          <input
            type="radio"
            name={group}
            value={value}
            checked={value === color}
            aria-label={word}
            onChange={() => choose(value)}
          />
          <span style={{ backgroundColor: value }} aria-hidden="true" />
        </label>
      ))}
    </fieldset>
  );
}
