import { ReactWidget } from '@jupyterlab/ui-components';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import * as api from '../api';
import { reload } from '../page';
import { Face, Field, PasswordField, Problem, useAct } from '../parts';
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
      this._hideRest();
      this._newcomers.observe(document.body, { childList: true });
      KEPT.forEach(kind => window.addEventListener(kind, keep, true));
      if (document.fullscreenElement !== null) {
        void document.exitFullscreen(); // nothing covers what fills the screen
      }
    } else {
      KEPT.forEach(kind => window.removeEventListener(kind, keep, true));
      this._newcomers.disconnect();
      Widget.detach(this);
      this._hidden.forEach(element => element.removeAttribute('inert'));
      this._hidden.clear();
      if (this._focused instanceof HTMLElement && this._focused.isConnected) {
        this._focused.focus();
      }
      this._focused = null;
    }
  }

  /** `inert`: neither keys nor a screen reader get under the cover. Not what was inert already: it stays so. */
  private _hideRest(): void {
    for (const element of document.body.children) {
      if (element !== this.node && !element.hasAttribute('inert')) {
        element.setAttribute('inert', '');
        this._hidden.add(element);
      }
    }
    if (!this.node.contains(document.activeElement)) {
      this.node.querySelector<HTMLElement>('input:not([hidden])')?.focus();
    }
  }

  private _focused: Element | null = null;
  private readonly _hidden = new Set<Element>();
  /** A dialog, a menu or a message may come while the page is covered: a save that failed, a kernel that died. */
  private readonly _newcomers = new MutationObserver(() => this._hideRest());
}

/**
 * What JupyterLab listens to at the document: what is typed into the cover must not save, run, paste or close,
 * and a menu that was open must not take its clicks.
 */
const KEPT = ['keydown', 'keypress', 'keyup', 'mousedown', 'copy', 'cut', 'paste', 'contextmenu'];

function keep(event: Event): void {
  event.stopPropagation();
  if (event instanceof KeyboardEvent && (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
    event.preventDefault(); // the hand's habit, and the browser would save the page as a file
  }
}

interface IProps {
  monitor: LoginMonitor;
  trans: TranslationBundle;
}

function SignIn({ monitor, trans }: IProps): JSX.Element {
  const locked = monitor.state === 'locked';
  return (
    <div
      className="jp-totp-Cover-card"
      role="dialog"
      aria-modal="true"
      aria-labelledby="jp-totp-cover-title"
      aria-describedby="jp-totp-cover-why"
    >
      {monitor.me && (
        <p className="jp-totp-Cover-name">
          <Face me={monitor.me} />
          {monitor.me.display_name || monitor.me.username}
        </p>
      )}
      <h1 id="jp-totp-cover-title">{locked ? trans.__('Locked') : trans.__('Signed out')}</h1>
      <p className="jp-totp-Cover-why" id="jp-totp-cover-why">
        {monitor.why || trans.__('Somebody else has signed in in this browser.')}
      </p>
      <p>{trans.__('Nothing is lost: your documents stay as they are, and kernels run on.')}</p>
      {locked ? <Unlock monitor={monitor} trans={trans} /> : <BothFactors monitor={monitor} trans={trans} />}
    </div>
  );
}

function Unlock({ monitor, trans }: IProps): JSX.Element {
  const [byPassword, setByPassword] = React.useState(false);
  const [value, setValue] = React.useState('');
  const act = useAct(trans);
  const unlock = async () => {
    await monitor.unlock(byPassword ? { password: value } : { code: value });
    setValue('');
  };
  const change = () => {
    setValue('');
    setByPassword(!byPassword);
  };
  return (
    <form onSubmit={act.submit(unlock)}>
      {byPassword ? (
        <PasswordField label={trans.__('Password')} value={value} onChange={setValue} autoFocus />
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
  const act = useAct(trans);
  const signIn = async () => {
    await api.signIn(username, password, code);
    setPassword('');
    setCode('');
    await monitor.check();
  };
  return (
    <form onSubmit={act.submit(signIn)}>
      {/* For password managers: they fill in by name. */}
      <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />
      <PasswordField label={trans.__('Password')} value={password} onChange={setPassword} autoFocus />
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
    <button type="button" className="jp-totp-link" onClick={reload}>
      {trans.__('Someone else')}
    </button>
  );
}
