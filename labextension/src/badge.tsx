import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { Menu } from '@lumino/widgets';
import * as React from 'react';

import { IMe } from './api';
import { leaveFor } from './page';
import { Face } from './parts';
import { CommandIDs, ILoginState } from './tokens';

/** A person's badge at the top right: name and colour, *Security*, *Lock now*, *Log out*. */
export const badgePlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-totp-auth:badge',
  description: 'Who is signed in, with a menu.',
  autoStart: true,
  requires: [ILoginState],
  optional: [ITranslator, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    login: ILoginState,
    translator: ITranslator | null,
    registry: ISettingRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_totp_auth');
    app.commands.addCommand(CommandIDs.logOut, {
      label: trans.__('Log out'),
      caption: trans.__('End this login'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => leaveFor('logout')
    });
    const menu = new Menu({ commands: app.commands });
    for (const command of [CommandIDs.open, CommandIDs.lock, CommandIDs.logOut]) {
      menu.addItem({ command });
    }
    const badge = ReactWidget.create(
      <UseSignal signal={login.changed}>
        {() => (login.me ? <Badge me={login.me} menu={menu} label={trans.__('Account')} /> : <></>)}
      </UseSignal>
    );
    void registry?.load(badgePlugin.id).then(settings => {
      const show = () => badge.toggleClass('jp-mod-initials', settings.get('showName').composite === false);
      settings.changed.connect(show);
      show();
    });
    badge.id = 'jupyter-totp-auth-badge';
    badge.addClass('jp-totp-BadgeArea');
    app.shell.add(badge, 'top', { rank: 1100 });
  }
};

interface IBadgeProps {
  me: IMe;
  menu: Menu;
  label: string;
}

function Badge({ me, menu, label }: IBadgeProps): JSX.Element {
  const name = me.display_name || me.username;
  const open = (event: React.MouseEvent<HTMLButtonElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const button = event.currentTarget;
    const back = () => {
      menu.aboutToClose.disconnect(back);
      button.focus();
    };
    // Lumino leaves the focus nowhere.
    menu.aboutToClose.connect(back);
    menu.open(box.right, box.bottom, { horizontalAlignment: 'right' });
  };
  return (
    <button
      type="button"
      className="jp-totp-Badge"
      aria-haspopup="menu"
      aria-label={`${label}: ${name}`}
      title={name}
      onClick={open}
    >
      <Face me={me} />
      <span className="jp-totp-Badge-name">{name}</span>
    </button>
  );
}
