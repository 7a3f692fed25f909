import * as React from 'react';

import * as api from '../api';
import { PasswordField, Problem, Section, useAct } from '../parts';
import { freshly } from '../stepup';
import { IPanelProps } from './panel';

export function Password({ trans, me, changed }: IPanelProps): JSX.Element {
  const [password, setPassword] = React.useState('');
  const [again, setAgain] = React.useState('');
  const act = useAct(trans);
  const change = async () => {
    if (password !== again) {
      throw new Error(trans.__('The two passwords are not the same.'));
    }
    await freshly(trans, () => api.setPassword(password));
    setPassword('');
    setAgain('');
    await changed();
    return trans.__('The new password counts from now on. All your other logins are ended.');
  };
  return (
    <Section trans={trans} title={trans.__('Password')}>
      <form className="jp-totp-inline" onSubmit={act.submit(change)}>
        {/* For password managers: they store by name. */}
        <input type="text" name="username" autoComplete="username" value={me.username} readOnly hidden />
        <PasswordField label={trans.__('New password')} value={password} onChange={setPassword} isNew />
        <PasswordField label={trans.__('Again')} value={again} onChange={setAgain} isNew />
        <button className="jp-totp-button jp-totp-main" disabled={act.busy || !password || !again}>
          {trans.__('Change')}
        </button>
      </form>
      <Problem act={act} />
    </Section>
  );
}
