import { Notification } from '@jupyterlab/apputils';
import { ServerConnection } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';

import { IMe, IOwner, running } from '../api';
import { serverNow } from '../request';
import { ILoginState } from '../tokens';
import { SHOWN_FOR } from './untold';

/**
 * Terminals whose socket the server refuses.
 *
 * A browser does not tell a page why a socket did not open, and JupyterLab shows an empty terminal. So `me` is asked:
 * where both factors are missing they are asked for, and where there are no terminals it is said, once.
 */
export class RefusedTerminals {
  private _said = false;
  /** Terminals of others: said once of each. */
  private readonly _saidOf = new Set<string>();

  /** `confirm()` asks for both factors, and where they are given opens the sockets of lost terminals anew. */
  constructor(
    private readonly login: ILoginState,
    private readonly trans: TranslationBundle,
    private readonly confirm: () => Promise<boolean>
  ) {}

  /** Take the place of the settings' sockets. */
  install(settings: ServerConnection.ISettings): void {
    const writable = settings as { WebSocket: typeof WebSocket };
    const refused = (name: string) => void this._refused(name);
    writable.WebSocket = class extends settings.WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        const name = /\/terminals\/websocket\/(\w+)/.exec(String(url))?.[1];
        if (name !== undefined) {
          const closed = () => refused(name);
          this.addEventListener('close', closed);
          this.addEventListener('open', () => this.removeEventListener('close', closed));
        }
      }
    };
  }

  private async _refused(name: string): Promise<void> {
    if (this._said || this._saidOf.has(name)) {
      return;
    }
    await this.login.refresh();
    const { me, state } = this.login;
    if (me === null || state !== 'open' || this._said) {
      return; // signed out: the cover says so, and opens the sockets again
    }
    const sentence = whyNot(this.trans, me);
    if (sentence !== '') {
      this._said = true;
      Notification.warning(sentence, { autoClose: SHOWN_FOR });
    } else if (me.terminals === 'step-up' && Date.parse(me.login.fresh_until) <= serverNow()) {
      this._said = true;
      this._said = !(await this.confirm());
    } else {
      await this._sayWhose(name);
    }
  }

  private async _sayWhose(name: string): Promise<void> {
    const owner = await ownerOf(name);
    if (owner !== undefined && !owner.mine && !this._saidOf.has(name)) {
      this._saidOf.add(name);
      const whose = this.trans.__('This terminal belongs to %1.', owner.display_name);
      Notification.warning(whose, { autoClose: SHOWN_FOR });
    }
  }
}

/** Who has started a terminal, as far as that can be told. */
async function ownerOf(name: string): Promise<IOwner | undefined> {
  try {
    return (await running()).terminals.find(one => one.name === name);
  } catch {
    return undefined;
  }
}

/** Why somebody has no terminals, as the server says it; nothing where they may have some. */
function whyNot(trans: TranslationBundle, me: IMe): string {
  if (me.role === 'reader') {
    return trans.__('Your account may read here, but not change or run anything.');
  }
  return me.terminals === 'no' ? trans.__('Your account has no terminals here.') : '';
}
