import { TranslationBundle } from '@jupyterlab/translation';

import { serverNow } from '../request';
import { ActivityPing } from './activity';
import { LoginMonitor } from './monitor';
import { Notice } from './notice';

const BEFORE = 60_000;
const A_DAY = 24 * 3600_000;

/** Says a minute before the idle limit that the login will be locked, with *Stay*. Any input stays, too. */
export class IdleWarning {
  private _timer = 0;
  /** The limit that is waited for, and when to warn of it; ms of the server's clock. */
  private _idleAt = 0;
  private _warnAt = 0;
  private _notice: Notice | null = null;

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
    const next = this._notice === null && now < idleAt ? this._warnAt : idleAt + 500;
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
      this._warn();
    }
    this._plan();
  }

  private _warn(): void {
    if (this._notice !== null) {
      return;
    }
    const trans = this.trans;
    this.ping.hurry();
    this._notice = new Notice({
      title: trans.__('Still there?'),
      words: () =>
        trans.__('Nobody has typed or clicked here for a while. In %1 seconds this login will be locked.', this._seconds()),
      label: trans.__('Stay'),
      // It goes when the server has heard it: then the limit is another.
      act: () => void this.ping.stay()
    });
  }

  private _seconds(): number {
    return Math.max(Math.ceil((this._idleAt - serverNow()) / 1000), 0);
  }

  private _close(): void {
    this._notice?.close();
    this._notice = null;
  }
}
