import { Dialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

import { serverNow } from '../request';
import { ActivityPing } from './activity';
import { LoginMonitor } from './monitor';

const BEFORE = 60_000;
const A_DAY = 24 * 3600_000;

/** Says a minute before the idle limit that the login will be locked, with *Stay*. Any input stays, too. */
export class IdleWarning {
  private _timer = 0;
  /** The limit that is waited for, and when to warn of it; ms of the server's clock. */
  private _idleAt = 0;
  private _warnAt = 0;
  private _dialog: Dialog<unknown> | null = null;

  constructor(
    private readonly monitor: LoginMonitor,
    private readonly ping: ActivityPing,
    private readonly trans: TranslationBundle
  ) {
    monitor.changed.connect(this._plan, this);
    this._plan();
  }

  private _plan(): void {
    window.clearTimeout(this._timer);
    const idleAt = Date.parse((this.monitor.state === 'open' && this.monitor.me?.login.idle_at) || '') || 0;
    const now = serverNow();
    if (idleAt !== this._idleAt) {
      this._close();
      this._idleAt = idleAt;
      // Of less than two minutes the half: what comes right after an input is no warning.
      this._warnAt = Math.max(idleAt - BEFORE, (now + idleAt) / 2);
    }
    const next = this._dialog === null && now < idleAt ? this._warnAt : idleAt + 500;
    // After the limit nothing is planned: then the server's end of the monitor's socket tells.
    if (now < idleAt + 500) {
      // At most a day: what is over 24 days a browser takes for 0.
      this._timer = window.setTimeout(() => void this._look(), Math.min(Math.max(next - now, 0), A_DAY));
    }
  }

  /** Another tab may have told of input since: the server knows. */
  private async _look(): Promise<void> {
    await this.monitor.check();
    const now = serverNow();
    if (this._warnAt <= now && now < this._idleAt) {
      this._warn(Math.ceil((this._idleAt - now) / 1000));
    }
    this._plan();
  }

  private _warn(seconds: number): void {
    if (this._dialog !== null) {
      return;
    }
    const trans = this.trans;
    this.ping.hurry();
    const dialog = new Dialog({
      title: trans.__('Still there?'),
      body: trans.__(
        'Nobody has typed or clicked here for a while. In %1 seconds this login will be locked.',
        seconds
      ),
      buttons: [Dialog.okButton({ label: trans.__('Stay') })],
      hasClose: false
    });
    this._dialog = dialog;
    void dialog.launch().then(result => {
      if (this._dialog === dialog) {
        this._dialog = null;
      }
      if (result.button.accept) {
        void this.ping.stay();
      }
    });
  }

  private _close(): void {
    this._dialog?.reject();
    this._dialog = null;
  }
}
