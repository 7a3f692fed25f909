import * as React from 'react';

import * as api from '../api';
import { PasswordField, Problem, Section, useAct } from '../parts';
import { freshly } from '../stepup';
import { IPanelProps } from './phones';

export function Password({ trans }: IPanelProps): JSX.Element {
  const [password, setPassword] = React.useState('');
  const [again, setAgain] = React.useState('');
  const change = useAct(trans, async () => {
    if (password !== again) {
      throw new Error(trans.__('The two passwords are not the same.'));
    }
    await freshly(trans, () => api.setPassword(password));
    setPassword('');
    setAgain('');
    return trans.__('The new password counts from now on. All your other logins are ended.');
  });
  return (
    <Section trans={trans} title={trans.__('Password')}>
      <form className="jp-totp-inline" onSubmit={change.submit}>
        <PasswordField
          trans={trans}
          label={trans.__('New password')}
          value={password}
          onChange={setPassword}
          isNew
        />
        <PasswordField trans={trans} label={trans.__('Again')} value={again} onChange={setAgain} isNew />
        <button
          className="jp-totp-button jp-totp-main"
          disabled={change.busy || !password || !again}
        >
          {trans.__('Change')}
        </button>
      </form>
      <Problem act={change} />
    </Section>
  );
}
