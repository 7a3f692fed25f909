import { TranslationBundle } from '@jupyterlab/translation';

import { INotice } from '../api';
import { serverNow } from '../request';
import { when } from '../words';
import { noteClosed, wasClosed } from './closed';
import { LoginMonitor } from './monitor';
import { inCorner, takeAway } from './notice';

/** In ms; what is over 24 days a browser takes for 0. */
const A_DAY = 24 * 3600_000;

/**
 * What administrators tell everybody: in the corner until it is closed, withdrawn, or over.
 *
 * It takes no focus, and a screen reader says it when it is done with what it is saying. All of it is text, never markup.
 */
export class Notices {
  private readonly _area = document.createElement('div');
  private readonly _shown = new Map<string, { node: HTMLElement; focused: EventTarget | null }>();
  private _timer = 0;

  constructor(
    private readonly monitor: LoginMonitor,
    private readonly trans: TranslationBundle
  ) {
    this._area.className = 'jp-totp-News';
    // There before anything is in it: only what comes into such an area later is said.
    this._area.setAttribute('role', 'status');
    this._area.setAttribute('aria-atomic', 'false');
    inCorner(this._area, false);
    monitor.changed.connect(this._look, this);
    // Closed in another tab of this browser.
    window.addEventListener('storage', () => this._look());
    this._look();
  }

  private _look(): void {
    const { me, state } = this.monitor;
    const now = serverNow();
    const live = (state === 'open' && me?.notices) || [];
    const wanted = live.filter(one => Date.parse(one.expires_at) > now && !wasClosed(me!.username, one.id));
    const ids = new Set(wanted.map(one => one.id));
    for (const [id, { node, focused }] of this._shown) {
      if (!ids.has(id)) {
        takeAway(node, focused);
        this._shown.delete(id);
      }
    }
    // The newest on top, so the oldest first.
    for (const one of [...wanted].reverse()) {
      if (!this._shown.has(one.id)) {
        this._show(one);
      }
    }
    window.clearTimeout(this._timer);
    if (wanted.length > 0) {
      const next = Math.min(A_DAY, ...wanted.map(one => Date.parse(one.expires_at) - now));
      this._timer = window.setTimeout(() => this._look(), next);
    }
  }

  private _show(notice: INotice): void {
    const node = document.createElement('div');
    const shown = { node, focused: null as EventTarget | null };
    node.className = 'jp-totp-News-item';
    node.dataset.totp = 'notice';
    node.append(this._from(notice), this._message(notice), this._close(notice));
    node.addEventListener('focusin', event => {
      if (!node.contains(event.relatedTarget as Node | null)) {
        shown.focused = event.relatedTarget;
      }
    });
    this._area.prepend(node);
    this._shown.set(notice.id, shown);
  }

  private _from(notice: INotice): HTMLElement {
    const line = document.createElement('p');
    const sender = document.createElement('strong');
    sender.textContent = notice.sender ?? this.trans.__('The operator of this server');
    sender.dir = 'auto';
    const at = document.createElement('time');
    at.dateTime = notice.sent_at;
    at.textContent = when(this.trans, notice.sent_at);
    line.className = 'jp-totp-News-from';
    line.append(sender, ' ', at);
    return line;
  }

  private _message(notice: INotice): HTMLElement {
    const line = document.createElement('p');
    line.textContent = notice.message;
    line.dir = 'auto';
    return line;
  }

  private _close(notice: INotice): HTMLElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'jp-totp-News-close';
    button.textContent = '\u00d7';
    button.dataset.totp = 'close-notice';
    button.setAttribute('aria-label', this.trans.__('Close this notice'));
    button.title = this.trans.__('Close');
    button.addEventListener('click', () => {
      noteClosed(this.monitor.me!.username, notice.id);
      this._look();
    });
    return button;
  }
}
