import { JupyterFrontEnd } from '@jupyterlab/application';

import { ILoginState } from '../tokens';

/**
 * JupyterLab for whoever may only read: documents are read-only, as JupyterLab shows it where a disk is, and no kernel
 * is started for them. Otherwise each that is opened would complain, and each that was typed into every two minutes.
 *
 * Only a courtesy: what a reader may do is decided by the server.
 */
export function readAlong(app: JupyterFrontEnd, login: ILoginState): void {
  const isReader = () => login.me?.role === 'reader';
  const { contents } = app.serviceManager;
  const get = contents.get.bind(contents);
  contents.get = async (...asked) => {
    const model = await get(...asked);
    return isReader() ? { ...model, writable: false } : model;
  };
  const registry = app.docRegistry;
  const preference = registry.getKernelPreference.bind(registry);
  registry.getKernelPreference = (...asked) => {
    const found = preference(...asked);
    // One that runs already is joined all the same.
    return found && isReader() ? { ...found, shouldStart: false, canStart: false } : found;
  };
}
