import { ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { ILoginState } from '../tokens';
import { AccessTokens } from './access';
import { History } from './history';
import { Logins } from './logins';
import { Password } from './password';
import { People } from './people';
import { Phones } from './phones';
import { RecoveryCodes } from './recovery';

/** Everything about one's own security, and people for administrators. */
export class SecurityPanel extends ReactWidget {
  constructor(
    private readonly login: ILoginState,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.id = 'jupyter-totp-auth';
    this.addClass('jp-totp-Panel');
    this.title.label = trans.__('Security');
    this.title.closable = true;
  }

  protected render(): JSX.Element {
    return (
      <UseSignal signal={this.login.changed}>
        {() => <Sections login={this.login} trans={this.trans} />}
      </UseSignal>
    );
  }
}

interface IProps {
  login: ILoginState;
  trans: TranslationBundle;
}

function Sections({ login, trans }: IProps): JSX.Element {
  const me = login.me;
  // Nothing that was shown once stays behind the cover.
  if (me === null || login.state !== 'open') {
    return <></>;
  }
  const shared = { trans, me, refresh: () => login.refresh() };
  return (
    <div className="jp-totp-sections">
      <h1>{trans.__('Security')}</h1>
      <Phones {...shared} />
      <RecoveryCodes {...shared} />
      <Logins {...shared} />
      <AccessTokens {...shared} />
      <Password {...shared} />
      <History {...shared} />
      {me.role === 'admin' && <People {...shared} />}
    </div>
  );
}
