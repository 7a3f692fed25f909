import * as React from 'react';

import * as api from '../api';
import { Button, IAct, Problem, Section, sure, useAct, useResource } from '../parts';
import { ago, browserOf, when } from '../words';
import { IPanelProps } from './panel';

export function Logins({ trans, version, changed }: IPanelProps): JSX.Element {
  const logins = useResource(trans, version, api.logins);
  const act = useAct(trans);
  const others = logins.data?.filter(login => !login.current).length ?? 0;
  const endOthers = async () => {
    const body = trans.__('Their pages ask to sign in again; kernels run on.');
    if (await sure(trans, trans.__('End all other logins?'), body, trans.__('End them'))) {
      await api.endOtherLogins();
      await changed();
      return trans.__('All other logins are ended.');
    }
    return '';
  };
  const end = async (login: api.ILogin) => {
    await api.endLogin(login.id);
    await changed();
    return trans.__('That login is ended: %1.', browserOf(trans, login.user_agent));
  };
  return (
    <Section
      trans={trans}
      title={trans.__('Where I am logged in')}
      about={trans.__('End what you do not know; then change the password.')}
      resource={logins}
    >
      <ul className="jp-totp-list">
        {logins.data?.map(login => (
          <Login key={login.id} trans={trans} login={login} act={act} end={() => act.run(() => end(login))} />
        ))}
      </ul>
      {others > 0 && (
        <Button hook="end-other-logins" danger disabled={act.busy} onClick={() => act.run(endOthers)}>
          {trans.__('End all others')}
        </Button>
      )}
      <Problem act={act} />
    </Section>
  );
}

interface ILoginProps {
  trans: IPanelProps['trans'];
  login: api.ILogin;
  act: IAct;
  end: () => void;
}

function Login({ trans, login, act, end }: ILoginProps): JSX.Element {
  const browser = browserOf(trans, login.user_agent);
  return (
    <li>
      <div className="jp-totp-what">
        <strong>
          {browser}
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
          <Button
            hook="end-login"
            danger
            disabled={act.busy}
            onClick={end}
            label={trans.__('End the login of %1', browser)}
          >
            {trans.__('End')}
          </Button>
        </div>
      )}
    </li>
  );
}
