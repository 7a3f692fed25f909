import { JupyterFrontEnd, JupyterFrontEndPlugin, JupyterLab } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { confirmed } from '../stepup';
import { CommandIDs, ILoginState } from '../tokens';
import { ActivityPing } from './activity';
import { Cover } from './cover';
import { openDocuments } from './documents';
import { Farewell } from './farewell';
import { HeldRequests } from './held';
import { keepIdentity } from './identity';
import { LoginMonitor } from './monitor';
import { Notices } from './notices';
import { readAlong } from './reader';
import { reconnect, reconnectTerminals } from './reconnect';
import { restWhileCovered } from './rest';
import { holdShared } from './shared';
import { RefusedTerminals } from './terminals';
import { SHOWN_FOR, UntoldRefusals } from './untold';
import { IdleWarning } from './warning';

/** In ms. A server that is busy keeps nobody from JupyterLab, nor does a page that never gets ready keep us waiting. */
const PATIENCE = 3000;

const patience = () => new Promise<void>(resolve => window.setTimeout(resolve, PATIENCE));

/** Watches the login; covers the page when it is locked or over, and brings everything back afterwards. */
export const sessionPlugin: JupyterFrontEndPlugin<ILoginState> = {
  id: 'jupyter-totp-auth:session',
  description: 'Signing in again inside the page, without losing work.',
  autoStart: true,
  provides: ILoginState,
  optional: [ITranslator, ICommandPalette, JupyterLab.IInfo],
  activate: async (
    app: JupyterFrontEnd,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    info: JupyterLab.IInfo | null
  ): Promise<ILoginState> => {
    const trans = (translator ?? nullTranslator).load('jupyter_totp_auth');
    const monitor = new LoginMonitor(app.serviceManager.serverSettings);
    readAlong(app, monitor);
    keepIdentity(app, monitor);
    holdShared(app, monitor, () =>
      Notification.warning(trans.__('Your account may read here, but not change or run anything.'), {
        autoClose: SHOWN_FOR
      })
    );
    const begun = begin().catch(() => {
      // No server part of ours behind this page (another login, a static site): nothing to watch, nothing to say.
    });
    // JupyterLab opens documents when all plugins are there: by then it is known whose page it is.
    await Promise.race([begun, patience()]);
    return monitor;

    async function confirm(): Promise<boolean> {
      const given = await confirmed(trans);
      if (given) {
        void reconnectTerminals(app);
      }
      return given;
    }

    async function begin(): Promise<void> {
      await monitor.start(Promise.race([app.restored, patience()]));
      const { serverSettings } = app.serviceManager;
      const untold = new UntoldRefusals();
      const held = new HeldRequests(
        () => monitor.untilOpen(),
        confirm,
        (response, sentence) => untold.note(response, sentence)
      );
      held.install(serverSettings);
      new RefusedTerminals(monitor, trans, confirm).install(serverSettings);
      if (info) {
        restWhileCovered(monitor, info);
      }
      new Cover(monitor, trans);
      const ping = new ActivityPing(monitor);
      ping.start();
      new IdleWarning(monitor, ping, trans);
      new Farewell(monitor, () => openDocuments(app), trans);
      new Notices(monitor, trans);
      monitor.cameBack.connect(() => void reconnect(app));
      app.commands.addCommand(CommandIDs.lock, {
        label: trans.__('Lock now'),
        caption: trans.__('Hide this page until you give your code or password'),
        describedBy: { args: { type: 'object', properties: {} } },
        execute: () => monitor.lock(trans.__('You have locked this login.'))
      });
      palette?.addItem({ command: CommandIDs.lock, category: trans.__('Security') });
    }
  }
};
