import { Token } from '@lumino/coreutils';
import { ISignal } from '@lumino/signaling';

import { IMe } from './api';

/** Who is signed in on this page, and whether the login still lives. */
export interface ILoginState {
  /** The person, as the server said last; null until it has. */
  readonly me: IMe | null;
  /** `open`, or why the page is covered. */
  readonly state: 'open' | 'locked' | 'signed-out';
  /** Emitted after any change of `me` or `state`. */
  readonly changed: ISignal<ILoginState, void>;
  /** Ask the server again. */
  refresh(): Promise<void>;
}

export const ILoginState = new Token<ILoginState>(
  'jupyter-totp-auth:ILoginState',
  'Who is signed in on this page, and whether the login still lives.'
);

export namespace CommandIDs {
  export const open = 'jupyter-totp-auth:open';
  export const lock = 'jupyter-totp-auth:lock';
  export const logOut = 'jupyter-totp-auth:log-out';
}
