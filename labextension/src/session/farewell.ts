import { TranslationBundle } from '@jupyterlab/translation';

import { IMe } from '../api';
import { serverNow } from '../request';
import { IDocument } from './documents';
import { LoginMonitor } from './monitor';
import { Notice } from './notice';

/** In ms: what is typed after the first save is saved as well. */
const AGAIN = 2000;

/** What is about to be over, and when (ms of the server's clock). */
interface IEnd {
  at: number;
  title: string;
  in: (seconds: number) => string;
  now: string;
}

/** Saves all documents while the server is about to stop, or this login about to be ended, and says so. */
export class Farewell {
  private _notice: Notice | null = null;
  private _title = '';
  private _timer = 0;
  /** What is being saved now: another save would ask the same question twice, where there is one. */
  private readonly _underWay = new Set<IDocument>();
  /** What could not be saved: JupyterLab has said why, and once is enough. */
  private readonly _failed = new Set<IDocument>();

  constructor(
    private readonly monitor: LoginMonitor,
    private readonly documents: () => Iterable<IDocument>,
    private readonly trans: TranslationBundle
  ) {
    monitor.changed.connect(this._look, this);
    this._look();
  }

  private _look(): void {
    const end = this._nearest();
    if (end !== null) {
      this._begin(end);
    } else {
      this._end(); // another server answers by now, or the login is over
    }
  }

  /** What comes first, where anything does. */
  private _nearest(): IEnd | null {
    const { me, state } = this.monitor;
    if (me === null || state !== 'open') {
      return null;
    }
    const ends = [me.stops_at ? this._stop(me.stops_at) : null, me.login.ending ? this._ending(me) : null];
    const known = ends.filter(end => end !== null).sort((one, other) => one.at - other.at);
    return known[0] ?? null;
  }

  private _stop(time: string): IEnd {
    const trans = this.trans;
    return {
      at: Date.parse(time),
      title: trans.__('The server is about to stop'),
      in: seconds => trans.__('This server stops in %1 seconds.', seconds),
      now: trans.__('This server stops now.')
    };
  }

  private _ending({ login }: IMe): IEnd {
    const trans = this.trans;
    const end = { at: Date.parse(login.expires_at), title: trans.__('This login is about to end') };
    return login.ending === 'ended-by-admin'
      ? {
          ...end,
          in: seconds => trans.__('An administrator ends this login in %1 seconds.', seconds),
          now: trans.__('An administrator ends this login now.')
        }
      : {
          ...end,
          in: seconds => trans.__('You have ended this login elsewhere: it is over in %1 seconds.', seconds),
          now: trans.__('You have ended this login elsewhere: it is over now.')
        };
  }

  private _begin(end: IEnd): void {
    if (this._timer === 0) {
      this._saveAll();
      this._timer = window.setInterval(() => this._saveAll(), AGAIN);
    } else if (this._title === end.title) {
      return; // said, and maybe closed
    }
    this._hide();
    this._title = end.title;
    this._notice = new Notice({
      title: end.title,
      words: () => this._words(),
      label: this.trans.__('Close'),
      act: () => this._hide()
    });
  }

  private _end(): void {
    window.clearInterval(this._timer);
    this._timer = 0;
    this._title = '';
    this._failed.clear();
    this._hide();
  }

  private _hide(): void {
    this._notice?.close();
    this._notice = null;
  }

  private _saveAll(): void {
    for (const document of this.documents()) {
      if (isUnsaved(document) && !this._underWay.has(document) && !this._failed.has(document)) {
        void this._save(document);
      }
    }
  }

  private async _save(document: IDocument): Promise<void> {
    const onState = (_: unknown, state: string) => state === 'failed' && this._failed.add(document);
    this._underWay.add(document);
    document.saveState?.connect(onState);
    try {
      await document.save();
    } catch {
      this._failed.add(document); // somebody has said Cancel where it asked
    } finally {
      document.saveState?.disconnect(onState);
      this._underWay.delete(document);
    }
  }

  private _words(): string {
    const end = this._nearest();
    if (end === null) {
      return '';
    }
    const seconds = Math.ceil((end.at - serverNow()) / 1000);
    return `${seconds > 0 ? end.in(seconds) : end.now} ${this._saved()}`;
  }

  private _saved(): string {
    const unsaved = [...this.documents()].filter(isUnsaved);
    const failed = unsaved.filter(document => this._failed.has(document));
    if (failed.length > 0) {
      return this.trans.__('Could not be saved: %1.', failed.map(document => document.path).join(', '));
    }
    return unsaved.length > 0
      ? this.trans.__('Your documents are being saved.')
      : this.trans.__('Your documents are saved.');
  }
}

function isUnsaved(document: IDocument): boolean {
  return !document.isDisposed && document.model.dirty && !document.model.readOnly;
}
