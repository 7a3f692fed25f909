import * as api from '../api';
import { ApiError, serverNow } from '../request';
import { LoginMonitor } from './monitor';

/** What only a person does. Not `mousemove` or `scroll`: a page scrolls itself, and a desk shakes. */
const INPUT = ['keydown', 'pointerdown', 'wheel', 'touchstart', 'paste', 'drop'];
const ONCE_A = 60_000;
/** Under a limit of four minutes once a minute would be too seldom: who types would be locked. */
const TIMES_A_LIMIT = 4;

/** Tells the server that a person did something: on input only, at most once a minute (R25). */
export class ActivityPing {
  /** When the server was told last, in this page's ms. */
  private _toldAt = 0;
  private _pause = ONCE_A;
  private _urgent = false;

  constructor(private readonly monitor: LoginMonitor) {}

  start(): void {
    for (const kind of INPUT) {
      // Capturing, on the window: whatever handles the event and stops it, it was input.
      window.addEventListener(kind, this._onInput, { capture: true, passive: true });
    }
  }

  /** The next input is told at once: the login is about to be locked. */
  hurry(): void {
    this._urgent = true;
  }

  /** A person has said *Stay*: told already, where the click itself was seen. */
  async stay(): Promise<void> {
    if (this._urgent) {
      await this.tell();
    }
  }

  /** A person did something. */
  async tell(): Promise<void> {
    const wasUrgent = this._urgent;
    this._toldAt = Date.now();
    this._urgent = false;
    try {
      await api.activity();
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      this._urgent = wasUrgent; // not heard: *Stay* can be pressed again
    }
    await this.monitor.check();
    const idleAt = this.monitor.me?.login.idle_at;
    if (idleAt) {
      this._pause = Math.min(ONCE_A, (Date.parse(idleAt) - serverNow()) / TIMES_A_LIMIT);
    }
  }

  private readonly _onInput = (event: Event): void => {
    // A script's own events are no person.
    if (!event.isTrusted || this.monitor.state !== 'open' || !this.monitor.me?.login.idle_at) {
      return;
    }
    if (this._urgent || Date.now() - this._toldAt >= this._pause) {
      void this.tell();
    }
  };
}
