import { JupyterFrontEnd } from '@jupyterlab/application';
import { ISignal } from '@lumino/signaling';

import { ILoginState } from '../tokens';
import { allWidgets } from './documents';

type Transact = (work: () => void, ...more: unknown[]) => void;

/** By shape, as in `documents.ts`: a document that may be shared, and how it is shown. */
interface IShown {
  isDisposed: boolean;
  context: {
    ready: Promise<void>;
    model: { collaborative?: boolean; sharedModel?: { transact?: Transact } };
  };
  content?: {
    /** Of a file. */
    editor?: { setOption(name: string, value: unknown): void };
    /** Of a notebook. */
    widgets?: readonly ICell[];
    model?: { cells?: { changed: ISignal<unknown, unknown> } } | null;
  };
}

interface ICell {
  readOnly: boolean;
  syncEditable: boolean;
}

/**
 * Shared documents of a reader stand still: what was typed would go nowhere, and look as if others saw it.
 *
 * JupyterLab says of a document that may not be written that it is read-only, and lets it be typed into all the same.
 * What others change comes in as before. Only a courtesy: what a reader may do is decided by the server.
 */
export function holdShared(app: JupyterFrontEnd, login: ILoginState, told: () => void): void {
  const held = new Map<IShown, () => void>();
  const look = () => {
    const isReader = login.me?.role === 'reader';
    for (const [shown, release] of held) {
      if (shown.isDisposed || !isReader) {
        held.delete(shown);
        shown.isDisposed || release();
      }
    }
    if (!isReader) {
      return;
    }
    for (const widget of allWidgets(app)) {
      const shown = widget as IShown;
      if (shown.context?.model?.collaborative === true && !held.has(shown)) {
        held.set(shown, hold(shown, () => held.has(shown)));
      }
    }
  };
  let was: string | undefined;
  login.changed.connect(() => {
    const open = held.size;
    look();
    if (was !== undefined && was !== 'reader' && login.me?.role === 'reader' && held.size > open) {
      told();
    }
    was = login.me?.role ?? was;
  });
  // A document that is opened is shown; a layout that is restored names no other sign.
  app.shell.currentChanged?.connect(look);
  void app.restored.then(look);
}

/** Hold one; the way to let it go. `counts()`: whether it is held still. */
function hold(shown: IShown, counts: () => boolean): () => void {
  const { context, content } = shown;
  let release = () => undefined as void;
  // Not before: the document is put together by such changes.
  void context.ready.then(() => {
    if (!counts() || shown.isDisposed) {
      return;
    }
    const cells = content?.model?.cells;
    const still = (on: boolean) => {
      content?.editor?.setOption('readOnly', on);
      for (const cell of cells ? (content?.widgets ?? []) : []) {
        cell.syncEditable = false; // else that would be written into the notebook
        cell.readOnly = on;
        cell.syncEditable = !on;
      }
    };
    const again = () => still(true);
    cells?.changed.connect(again);
    again();
    Object.defineProperty(context, 'contentsModel', {
      configurable: true,
      // What comes in with each save by others says that it may be written: true of the file, and not of this person.
      get: () => {
        const found = Reflect.get(Object.getPrototypeOf(context), 'contentsModel', context);
        return found && { ...found, writable: false };
      }
    });
    const model = context.model.sharedModel;
    if (model) {
      model.transact = () => undefined; // cells are put in, moved and taken out by it, and messages of a chat
    }
    release = () => {
      cells?.changed.disconnect(again);
      if (model) {
        delete model.transact; // its class has one
      }
      delete (context as { contentsModel?: unknown }).contentsModel;
      still(false);
    };
  });
  return () => release();
}
