import { JupyterFrontEnd } from '@jupyterlab/application';
import { ISignal } from '@lumino/signaling';

/** A document that is open: what JupyterLab calls its context. */
export interface IDocument {
  path: string;
  isDisposed: boolean;
  model: { dirty: boolean; readOnly: boolean };
  /** Says `failed` where a save did not work: the promise is kept all the same, after a dialog has said why. */
  saveState?: ISignal<unknown, string>;
  save(): Promise<void>;
}

const AREAS = ['main', 'left', 'right', 'down', 'top', 'header'];

/** All widgets of the shell, wherever they are. */
export function* allWidgets(app: JupyterFrontEnd): Generator<unknown> {
  for (const area of AREAS) {
    try {
      yield* app.shell.widgets(area);
    } catch {
      // this shell has no such area
    }
  }
}

/** By shape, not by class: notebooks, files, and whatever other extensions make alike. A view of one has its context. */
export function openDocuments(app: JupyterFrontEnd): Set<IDocument> {
  const found = new Set<IDocument>();
  for (const widget of allWidgets(app)) {
    const context = (widget as { context?: IDocument }).context;
    if (typeof context?.save === 'function' && typeof context.model?.dirty === 'boolean') {
      found.add(context);
    }
  }
  return found;
}
