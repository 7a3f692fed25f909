import { TranslationBundle } from '@jupyterlab/translation';

import { serverNow } from '../request';
import { IDocument } from './documents';
import { LoginMonitor } from './monitor';
import { Notice } from './notice';

/** In ms: what is typed after the first save is saved as well. */
const AGAIN = 2000;

/** Saves all documents while the server is about to stop, and says so. */
export class Farewell {
  private _notice: Notice | null = null;
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
    if (this.monitor.me?.stops_at && this.monitor.state === 'open') {
      this._begin();
    } else {
      this._end(); // another server answers by now, or the login is over
    }
  }

  private _begin(): void {
    if (this._timer !== 0) {
      return;
    }
    this._saveAll();
    this._timer = window.setInterval(() => this._saveAll(), AGAIN);
    this._notice = new Notice({
      title: this.trans.__('The server is about to stop'),
      words: () => this._words(),
      label: this.trans.__('Close'),
      act: () => this._hide()
    });
  }

  private _end(): void {
    window.clearInterval(this._timer);
    this._timer = 0;
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
    const trans = this.trans;
    const seconds = Math.ceil((Date.parse(this.monitor.me?.stops_at ?? '') - serverNow()) / 1000);
    const when =
      seconds > 0 ? trans.__('This server stops in %1 seconds.', seconds) : trans.__('This server stops now.');
    return `${when} ${this._saved()}`;
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
