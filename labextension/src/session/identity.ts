import { JupyterFrontEnd } from '@jupyterlab/application';

import { ILoginState } from '../tokens';

/**
 * JupyterLab's own idea of who this is, kept true: it asks once, when the page loads.
 *
 * Then a name that is changed is seen at once by all who have the same document open.
 */
export function keepIdentity(app: JupyterFrontEnd, login: ILoginState): void {
  const { user } = app.serviceManager;
  login.changed.connect(() => {
    const me = login.me;
    const known = user.identity;
    if (me === null || known === null || known.username !== me.username) {
      return; // somebody else: the page is about to be left
    }
    const isSame =
      known.display_name === me.display_name &&
      // JupyterLab makes some up for whoever has none.
      (known.initials === me.initials || me.initials === '') &&
      known.color === me.color;
    if (!isSame) {
      void user.refreshUser().catch(() => undefined); // the next look at the login tries again
    }
  });
}
