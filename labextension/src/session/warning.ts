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
  private _dialog: Dialog<unknown> | null = null;

  constructor(
    private readonly monitor: LoginMonitor,
    private readonly ping: ActivityPing,
    private readonly trans: TranslationBundle
  ) {
    monitor.changed.connect(this._plan, this);
  }

  private _plan(): void {
    window.clearTimeout(this._timer);
    const idleAt = this.monitor.me?.login.idle_at;
    if (this.monitor.state !== 'open' || !idleAt) {
      this._close();
      return;
    }
    const left = Date.parse(idleAt) - serverNow();
    if (left > BEFORE) {
      this._close();
      // A browser takes what is over 24 days for 0.
      this._timer = window.setTimeout(() => void this._look(), Math.min(left - BEFORE, A_DAY));
    } else {
      // Also where the time is over by the second: the server's clock is known to the second only.
      this._timer = window.setTimeout(() => void this.monitor.check(), Math.max(left, 0) + 500);
    }
  }

  /** Another tab may have told of input since: the server knows. */
  private async _look(): Promise<void> {
    await this.monitor.check();
    const idleAt = this.monitor.me?.login.idle_at;
    if (this.monitor.state === 'open' && idleAt && Date.parse(idleAt) - serverNow() <= BEFORE + 1000) {
      this._warn();
    }
  }

  private _warn(): void {
    if (this._dialog !== null) {
      return;
    }
    const trans = this.trans;
    this.ping.hurry();
    const dialog = new Dialog({
      title: trans.__('Still there?'),
      body: trans.__('Nobody has typed or clicked here for a while. In a minute this login will be locked.'),
      buttons: [Dialog.okButton({ label: trans.__('Stay') })],
      hasClose: false
    });
    this._dialog = dialog;
    void dialog.launch().then(result => {
      if (this._dialog === dialog) {
        this._dialog = null;
      }
      if (result.button.accept) {
        void this.ping.tell();
      }
    });
  }

  private _close(): void {
    this._dialog?.reject();
    this._dialog = null;
  }
}
