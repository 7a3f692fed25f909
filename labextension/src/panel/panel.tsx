import { ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon, UseSignal } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import * as React from 'react';

import { IMe } from '../api';
import { ILoginState } from '../tokens';
import { AccessTokens } from './access';
import { History } from './history';
import { Logins } from './logins';
import { Name } from './name';
import { Password } from './password';
import { People } from './people';
import { Phones } from './phones';
import { RecoveryCodes } from './recovery';

const shieldIcon = new LabIcon({
  name: 'jupyter-totp-auth:shield',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><path class="jp-icon3" fill="#616161" d="M12 2 4 5v6c0 5 3.4 9.7 8 11 4.6-1.3 8-6 8-11V5zm-1.2 14.2-3.5-3.5 1.4-1.4 2.1 2.1 4.6-4.6 1.4 1.4z"/></svg>'
});

/** What every section gets. */
export interface IPanelProps {
  trans: TranslationBundle;
  me: IMe;
  /** Rises when something may have changed: lists load anew. */
  version: number;
  /** Something has changed. */
  changed: () => Promise<void>;
  /** Whether somebody can see the panel now. */
  isShown: boolean;
}

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
    this.title.icon = shieldIcon;
    this.title.closable = true;
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.update();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.update();
  }

  protected render(): JSX.Element {
    return (
      <UseSignal signal={this.login.changed}>
        {() => <Sections login={this.login} trans={this.trans} isShown={this.isVisible} />}
      </UseSignal>
    );
  }
}

interface IProps {
  login: ILoginState;
  trans: TranslationBundle;
  isShown: boolean;
}

function Sections({ login, trans, isShown }: IProps): JSX.Element {
  const [version, setVersion] = React.useState(0);
  const me = login.me;
  const rise = () => setVersion(now => now + 1);
  React.useEffect(() => {
    if (isShown) {
      rise(); // whoever comes back sees what is true now
    }
  }, [isShown]);
  // Nothing that was shown once stays behind the cover.
  if (me === null || login.state !== 'open') {
    return <></>;
  }
  const changed = async () => {
    rise();
    await login.refresh();
  };
  const shared: IPanelProps = { trans, me, version, changed, isShown };
  return (
    <div className="jp-totp-sections">
      <h1>{trans.__('Security')}</h1>
      <Phones {...shared} />
      <RecoveryCodes {...shared} />
      <Logins {...shared} />
      <AccessTokens {...shared} />
      <Password {...shared} />
      <Name {...shared} />
      <History {...shared} />
      {me.role === 'admin' && <People {...shared} />}
    </div>
  );
}
