import { JupyterFrontEnd } from '@jupyterlab/application';

import { ILoginState } from '../tokens';

/** In ms since the page's start: no document waits longer for the server to say whose page it is. */
const PATIENCE = 5000;

/**
 * JupyterLab for whoever may only read: documents are read-only, as JupyterLab shows it where a disk is, and no kernel
 * is started for them. Otherwise each that is opened would complain, and each that was typed into every two minutes.
 *
 * Only a courtesy: what a reader may do is decided by the server. `known` resolves when `login.me` is there.
 */
export function readAlong(app: JupyterFrontEnd, login: ILoginState, known: Promise<unknown>): void {
  const isReader = () => login.me?.role === 'reader';
  const over = new Promise(resolve => window.setTimeout(resolve, PATIENCE));
  // Rejected where there is no server part of ours: then this page is nobody's.
  const soon = Promise.race([known.catch(() => undefined), over]);
  const { contents } = app.serviceManager;
  const get = contents.get.bind(contents);
  contents.get = async (...asked) => {
    const [model] = await Promise.all([get(...asked), soon]);
    return isReader() ? { ...model, writable: false } : model;
  };
  const registry = app.docRegistry;
  const preference = registry.getKernelPreference.bind(registry);
  registry.getKernelPreference = (...asked) => {
    const found = preference(...asked);
    return (
      found && {
        ...found,
        // Asked when the document is there: it may have been opened before anything was known. A kernel that runs
        // already is joined all the same.
        get canStart() {
          return isReader() ? false : found.canStart;
        }
      }
    );
  };
}
