import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRunningSessionManagers } from '@jupyterlab/running';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Owners } from './owners';

/** Says in *Running Terminals and Kernels* who has started what. */
export const runningPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-totp-auth:running',
  description: 'Who has started which kernel and which terminal.',
  autoStart: true,
  optional: [IRunningSessionManagers, ITranslator],
  activate: (
    _: JupyterFrontEnd,
    managers: IRunningSessionManagers | null,
    translator: ITranslator | null
  ) => {
    if (managers !== null) {
      new Owners(managers, (translator ?? nullTranslator).load('jupyter_totp_auth'));
    }
  }
};
