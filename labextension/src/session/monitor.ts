import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { PromiseDelegate } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import * as api from '../api';
import { leaveFor, reload } from '../page';
import { ApiError, isRefusal, Refusal, refused } from '../request';
import { ILoginState } from '../tokens';

const FIRST_RETRY = 1000;
const LAST_RETRY = 30_000;
/** Between two looks while the page is covered: somebody may sign in in another tab. */
const COVERED_RETRY = 3000;

/**
 * Knows whether this page's login lives.
 *
 * The server tells: it closes every socket of a login that ends. So one quiet socket is held open, and when it
 * closes, `me` is asked; only a second refusal counts, since a cookie may have changed while the first was under way.
 */
export class LoginMonitor implements ILoginState {
  me: api.IMe | null = null;
  state: ILoginState['state'] = 'open';
  /** Why, in the server's words. */
  why = '';
  private _socket: WebSocket | null = null;
  private _retry = FIRST_RETRY;
  private _timer = 0;
  private _locking = false;
  /** As it was told last. */
  private _lock: Promise<unknown> = Promise.resolve();
  /** Whose login it became, if it did: asked to leave once, not every three seconds. */
  private _stranger = '';
  private _looking: Promise<void> = Promise.resolve();
  private _next: Promise<void> | null = null;
  private _open = new PromiseDelegate<void>();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _cameBack = new Signal<this, void>(this);

  constructor(private readonly settings = ServerConnection.makeSettings()) {
    this._open.resolve();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted when a covered page may go on: sockets can be opened again. */
  get cameBack(): ISignal<this, void> {
    return this._cameBack;
  }

  /**
   * Begin. Rejects where there is no server part of ours; waits for one that is busy.
   *
   * The socket is opened when the page has time for it: what happens until then, the look at its opening finds.
   */
  async start(hasTime: Promise<unknown> = Promise.resolve()): Promise<void> {
    for (;;) {
      try {
        this.me = await api.me();
        break;
      } catch (error) {
        if (error instanceof ApiError && isRefusal(error.reason)) {
          // Over between this page and its first question: nothing is open here that could be lost.
          const next = encodeURIComponent(window.location.pathname + window.location.search);
          leaveFor(error.reason === 'locked' ? `login/unlock?next=${next}` : `login?next=${next}`);
        }
        if (!(error instanceof ApiError) || ![0, 502, 503, 504].includes(error.status)) {
          throw error;
        }
        await new Promise(resolve => window.setTimeout(resolve, this._nextRetry()));
      }
    }
    this._retry = FIRST_RETRY;
    this._changed.emit();
    void hasTime.then(() => this._watch());
    refused.connect(() => void this.check());
    for (const event of ['online', 'focus', 'pageshow']) {
      window.addEventListener(event, () => void this.check());
    }
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') {
        void this.check();
      }
    });
  }

  /** Resolves when there is a login that is not locked; asks first. */
  async untilOpen(): Promise<void> {
    await this.check();
    return this._open.promise;
  }

  refresh(): Promise<void> {
    return this.check();
  }

  /**
   * Ask whether the login lives. One look at a time; who asks during one gets the next.
   *
   * Not the one under way: it may have been sent before the login that somebody asks about, or before its end.
   */
  check(): Promise<void> {
    this._next ??= this._looking.then(() => {
      this._next = null;
      this._looking = this._check();
      return this._looking;
    });
    return this._next;
  }

  private async _check(): Promise<void> {
    try {
      this._lives(await this._askTwice());
    } catch (error) {
      if (error instanceof ApiError && isRefusal(error.reason)) {
        this.cover(error.reason, error.message);
      }
      // Anything else (offline, 503) says nothing of the login.
    }
  }

  private async _askTwice(): Promise<api.IMe> {
    try {
      return await api.me();
    } catch (error) {
      if (error instanceof ApiError && isRefusal(error.reason)) {
        return api.me();
      }
      throw error;
    }
  }

  /** The server answered with somebody. */
  private _lives(me: api.IMe): void {
    if (this.me !== null && this.me.username !== me.username) {
      this._hide(me.username);
      return;
    }
    this._stranger = '';
    if (this._locking) {
      return; // not locked yet, so it still answers
    }
    const wasCovered = this.state !== 'open';
    this.me = me;
    this.state = 'open';
    this._changed.emit();
    if (wasCovered) {
      this._retry = FIRST_RETRY;
      this._watch();
      this._open.resolve();
      this._cameBack.emit();
    }
  }

  /** What stands on this page is another person's. First the cover: the browser may ask before it leaves. */
  private _hide(stranger: string): void {
    this.cover('signed-out', '');
    if (this._stranger !== stranger) {
      this._stranger = stranger;
      reload();
    }
  }

  /** Lock, because a person says so. First the cover: the answer may be long in coming, and nobody may look on. */
  async lock(why: string): Promise<void> {
    if (this.state !== 'open') {
      return;
    }
    this.cover('locked', why);
    this._locking = true;
    try {
      while (this._locking) {
        try {
          this._lock = api.lock();
          await this._lock;
          return;
        } catch (error) {
          if (error instanceof ApiError && isRefusal(error.reason)) {
            return;
          }
          await new Promise(resolve => window.setTimeout(resolve, COVERED_RETRY));
        }
      }
    } finally {
      this._locking = false;
    }
  }

  /** Unlock by one factor. Not while a lock is on its way: it would come afterwards, and stay. Throws ApiError. */
  async unlock(factor: api.Factor): Promise<void> {
    await this._lock.catch(() => undefined);
    await api.unlock(factor);
    this._locking = false; // nor is one told any more that the server has not heard
    await this.check();
  }

  /** Nothing is served any more. */
  cover(state: Refusal, why: string): void {
    if (this.state === state) {
      return;
    }
    if (this.state === 'open') {
      this._open = new PromiseDelegate<void>();
    }
    this.state = state;
    this.why = why;
    this._changed.emit();
    this._later(COVERED_RETRY);
  }

  private _watch(): void {
    if (this._socket !== null) {
      return;
    }
    const url = URLExt.join(this.settings.wsUrl || PageConfig.getWsUrl(), 'api/events/subscribe');
    const socket = new this.settings.WebSocket(url);
    this._socket = socket;
    socket.onopen = () => {
      this._retry = FIRST_RETRY;
      // Whatever was told while it was not open: a notice, an end, or that it is another server by now, which goes on.
      void this.check();
    };
    socket.onmessage = ({ data }: MessageEvent) => {
      if (isHint(data)) {
        void this.check();
      }
    };
    socket.onclose = () => {
      this._socket = null;
      void this.check().then(() => {
        if (this.state === 'open') {
          this._later(this._nextRetry());
        }
      });
    };
  }

  private _nextRetry(): number {
    const retry = this._retry;
    this._retry = Math.min(retry * 2, LAST_RETRY);
    return retry;
  }

  private _later(delay: number): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => {
      if (this.state === 'open') {
        this._watch();
      } else {
        void this.check().then(() => {
          if (this.state !== 'open') {
            this._later(COVERED_RETRY);
          }
        });
      }
    }, delay);
  }
}

const HINTS = ['jupyter-totp-auth/stopping', 'jupyter-totp-auth/news'];

/** Whether the server says down Jupyter's socket of events that something is new: `me` then tells what. */
function isHint(data: unknown): boolean {
  try {
    return HINTS.includes(JSON.parse(String(data)).schema_id);
  } catch {
    return false;
  }
}
