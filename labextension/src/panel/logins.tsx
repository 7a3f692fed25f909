import * as React from 'react';

import * as api from '../api';
import { Button, Problem, Section, sure, useAct, useResource } from '../parts';
import { ago, browserOf, when } from '../words';
import { IPanelProps } from './phones';

export function Logins({ trans }: IPanelProps): JSX.Element {
  const logins = useResource(trans, api.logins);
  const others = logins.data?.filter(login => !login.current).length ?? 0;
  const endOthers = useAct(trans, async () => {
    const body = trans.__('Their pages ask to sign in again; kernels run on.');
    if (await sure(trans, trans.__('End all other logins?'), body, trans.__('End them'))) {
      await api.endOtherLogins();
      await logins.reload();
      return trans.__('All other logins are ended.');
    }
    return '';
  });
  return (
    <Section trans={trans} title={trans.__('Where I am logged in')} resource={logins}>
      <ul className="jp-totp-list">
        {logins.data?.map(login => (
          <Login key={login.id} trans={trans} login={login} changed={logins.reload} />
        ))}
      </ul>
      {others > 0 && (
        <Button hook="end-other-logins" danger disabled={endOthers.busy} onClick={endOthers.run}>
          {trans.__('End all others')}
        </Button>
      )}
      <Problem act={endOthers} />
    </Section>
  );
}

interface ILoginProps {
  trans: IPanelProps['trans'];
  login: api.ILogin;
  changed: () => Promise<void>;
}

function Login({ trans, login, changed }: ILoginProps): JSX.Element {
  const end = useAct(trans, async () => {
    await api.endLogin(login.id);
    await changed();
  });
  return (
    <li>
      <div className="jp-totp-what">
        <strong>
          {browserOf(trans, login.user_agent)}
          {login.current && <em className="jp-totp-tag">{trans.__('this one')}</em>}
        </strong>
        <span>
          {trans.__(
            'from %1, since %2, last seen %3',
            login.client || trans.__('a terminal'),
            when(trans, login.created_at),
            ago(trans, login.last_seen_at, Date.now())
          )}
        </span>
      </div>
      {!login.current && (
        <div className="jp-totp-acts">
          <Button hook="end-login" danger disabled={end.busy} onClick={end.run}>
            {trans.__('End')}
          </Button>
        </div>
      )}
      <Problem act={end} />
    </li>
  );
}
