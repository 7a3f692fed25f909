import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { IMainMenu } from '@jupyterlab/mainmenu';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { openBeside } from '../page';
import { CommandIDs, ILoginState } from '../tokens';
import { SecurityPanel } from './panel';

/** The command *Security*: the panel in JupyterLab, the account page where there is no main area for it. */
export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-totp-auth:panel',
  description: 'The security panel: phones, recovery codes, logins, access tokens, people.',
  autoStart: true,
  requires: [ILoginState],
  optional: [ILabShell, ITranslator, ICommandPalette, IMainMenu, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    login: ILoginState,
    shell: ILabShell | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    menu: IMainMenu | null,
    restorer: ILayoutRestorer | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_totp_auth');
    const tracker = new WidgetTracker<MainAreaWidget<SecurityPanel>>({ namespace: 'jupyter-totp-auth' });
    const open = () => {
      const widget =
        // Not `currentWidget`: that is null until it was focused once.
        tracker.find(one => !one.isDisposed) ?? new MainAreaWidget({ content: new SecurityPanel(login, trans) });
      widget.toolbar.hide(); // it has nothing in it
      if (!widget.isAttached) {
        void tracker.add(widget);
        app.shell.add(widget, 'main');
      }
      app.shell.activateById(widget.id);
    };
    app.commands.addCommand(CommandIDs.open, {
      label: trans.__('Security'),
      caption: trans.__('Phones, recovery codes, logins, access tokens'),
      describedBy: { args: { type: 'object', properties: {} } },
      isVisible: () => login.me !== null,
      execute: () => {
        if (shell !== null) {
          open();
        } else {
          openBeside('account');
        }
      }
    });
    palette?.addItem({ command: CommandIDs.open, category: trans.__('Security') });
    menu?.settingsMenu.addGroup([{ command: CommandIDs.open }], 100);
    if (shell !== null) {
      void restorer?.restore(tracker, { command: CommandIDs.open, name: () => 'security' });
    }
  }
};
