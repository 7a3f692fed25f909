import { ReactWidget } from '@jupyterlab/ui-components';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import * as api from '../api';
import { Field, PasswordField, Problem, useAct } from '../parts';
import { LoginMonitor } from './monitor';

/** Hides the page while nobody is signed in; everything under it stays as it is. */
export class Cover extends ReactWidget {
  constructor(
    private readonly monitor: LoginMonitor,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-totp-Cover');
    monitor.changed.connect(this._onChange, this);
  }

  protected render(): JSX.Element {
    return <SignIn key={this.monitor.state} monitor={this.monitor} trans={this.trans} />;
  }

  private _onChange(): void {
    if (this.monitor.state === 'open') {
      this._show(false);
    } else {
      this._show(true);
      this.update();
    }
  }

  private _show(covered: boolean): void {
    if (covered === this.isAttached) {
      return;
    }
    if (covered) {
      this._focused = document.activeElement;
      Widget.attach(this, document.body);
      window.addEventListener('keydown', keepKeys, true);
    } else {
      window.removeEventListener('keydown', keepKeys, true);
      Widget.detach(this);
    }
    // `inert`: neither keys nor a screen reader get under the cover.
    for (const element of document.body.children) {
      if (element !== this.node) {
        element.toggleAttribute('inert', covered);
      }
    }
    if (!covered && this._focused instanceof HTMLElement) {
      this._focused.focus();
    }
  }

  private _focused: Element | null = null;
}

/** JupyterLab's shortcuts listen at the document: what is typed into the cover must not save, run or close. */
function keepKeys(event: KeyboardEvent): void {
  event.stopPropagation();
}

interface IProps {
  monitor: LoginMonitor;
  trans: TranslationBundle;
}

function SignIn({ monitor, trans }: IProps): JSX.Element {
  const locked = monitor.state === 'locked';
  return (
    <div className="jp-totp-Cover-card" role="dialog" aria-modal="true" aria-labelledby="jp-totp-cover-title">
      <h1 id="jp-totp-cover-title">{locked ? trans.__('Locked') : trans.__('Signed out')}</h1>
      <p className="jp-totp-Cover-why">{monitor.why}</p>
      <p>{trans.__('Nothing is lost: your documents stay as they are, and kernels run on.')}</p>
      {locked ? <Unlock monitor={monitor} trans={trans} /> : <BothFactors monitor={monitor} trans={trans} />}
    </div>
  );
}

function Unlock({ monitor, trans }: IProps): JSX.Element {
  const [byPassword, setByPassword] = React.useState(false);
  const [value, setValue] = React.useState('');
  const act = useAct(trans, async () => {
    await api.unlock(byPassword ? { password: value } : { code: value });
    setValue('');
    await monitor.check();
  });
  const change = () => {
    setValue('');
    setByPassword(!byPassword);
  };
  return (
    <form onSubmit={act.submit}>
      {byPassword ? (
        <PasswordField trans={trans} label={trans.__('Password')} value={value} onChange={setValue} autoFocus />
      ) : (
        <Field
          name="code"
          label={trans.__('Code')}
          hint={trans.__('The six digits your app shows now, or a recovery code.')}
          value={value}
          onChange={setValue}
          autoFocus
        />
      )}
      <Problem act={act} />
      <button className="jp-totp-button jp-totp-main" data-totp="unlock" disabled={act.busy || !value}>
        {trans.__('Unlock')}
      </button>
      <p className="jp-totp-Cover-aside">
        <button type="button" className="jp-totp-link" onClick={change}>
          {byPassword ? trans.__('Use a code') : trans.__('Use my password')}
        </button>
        <SomeoneElse trans={trans} />
      </p>
    </form>
  );
}

function BothFactors({ monitor, trans }: IProps): JSX.Element {
  const username = monitor.me?.username ?? '';
  const [password, setPassword] = React.useState('');
  const [code, setCode] = React.useState('');
  const act = useAct(trans, async () => {
    await api.signIn(username, password, code);
    setPassword('');
    setCode('');
    await monitor.check();
  });
  return (
    <form onSubmit={act.submit}>
      <p className="jp-totp-Cover-name">{username}</p>
      {/* For password managers: they fill in by name. */}
      <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />
      <PasswordField trans={trans} label={trans.__('Password')} value={password} onChange={setPassword} autoFocus />
      <Field
        name="code"
        label={trans.__('Code')}
        hint={trans.__('The six digits your app shows now, or a recovery code.')}
        value={code}
        onChange={setCode}
      />
      <Problem act={act} />
      <button
        className="jp-totp-button jp-totp-main"
        data-totp="sign-in"
        disabled={act.busy || !password || !code}
      >
        {trans.__('Sign in')}
      </button>
      <p className="jp-totp-Cover-aside">
        <SomeoneElse trans={trans} />
      </p>
    </form>
  );
}

function SomeoneElse({ trans }: { trans: TranslationBundle }): JSX.Element {
  return (
    <button type="button" className="jp-totp-link" onClick={() => window.location.reload()}>
      {trans.__('Someone else')}
    </button>
  );
}
