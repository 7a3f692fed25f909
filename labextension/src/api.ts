/** The documents of `api/totp` (docs/reference/openapi.yaml), and the calls by their names. */
import { request } from './request';

/** ISO 8601 in UTC. */
export type Time = string;

/** What an administrator tells everybody. Text: never markup. */
export interface INotice {
  id: string;
  message: string;
  /** A display name; null for the operator. */
  sender: string | null;
  sent_at: Time;
  expires_at: Time;
}

export interface IMe {
  username: string;
  display_name: string;
  initials: string;
  color: string;
  role: 'admin' | 'member' | 'reader';
  terminals: 'yes' | 'no' | 'step-up';
  authenticators: number;
  recovery_codes_left: number;
  locked: boolean;
  /** The newest first. */
  notices: INotice[];
  /** When the server ends, where it is about to. */
  stops_at: Time | null;
  login: {
    id: string;
    expires_at: Time;
    /** Why it ends before its time, where somebody has said so and left it a grace. */
    ending: 'ended-by-admin' | 'ended-elsewhere' | null;
    idle_at: Time | null;
    fresh_until: Time;
  };
}

export interface IPhone {
  id: string;
  name: string;
  created_at: Time;
  last_used_at: Time | null;
}

export interface INewPhone {
  id: string;
  secret: string;
  uri: string;
  qr_svg: string;
}

export interface ILogin {
  id: string;
  current: boolean;
  client: string;
  user_agent: string;
  created_at: Time;
  last_seen_at: Time;
  expires_at: Time;
}

export interface IAccessToken {
  id: string;
  name: string;
  scopes: string[];
  path_prefix: string | null;
  created_at: Time;
  expires_at: Time;
  last_used_at: Time | null;
  last_used_from: string | null;
}

/** What a person chooses of a new token. */
export interface IWantedToken {
  name: string;
  scopes: string[];
  path_prefix: string | null;
  expires_in_days: number;
}

export interface IEvent {
  id: number;
  at: Time;
  event: string;
  actor: string;
  client: string;
  detail: string;
}

/** Who has started something. */
export interface IOwner {
  username: string;
  display_name: string;
  initials: string;
  color: string;
  mine: boolean;
}

export interface IRunning {
  kernels: (IOwner & { id: string })[];
  terminals: (IOwner & { name: string })[];
}

export interface IAccount {
  id: string;
  username: string;
  display_name: string;
  role: 'admin' | 'member' | 'reader';
  terminals: 'yes' | 'no' | 'step-up';
  disabled: boolean;
  enrolled: boolean;
  created_at: Time;
  expires_at: Time | null;
  last_login_at: Time | null;
}

export interface IInvitation {
  id: string;
  username: string;
  url: string;
  qr_svg: string;
  expires_at: Time;
}

export interface INewAccount {
  username: string;
  role: string;
  display_name?: string;
  expires_at?: Time | null;
}

export type Factor = { code: string } | { password: string };

export const me = () => request<IMe>('GET', 'me');
/** What others see of a person. */
export type Profile = Pick<IMe, 'display_name' | 'initials' | 'color'>;
export const changeMe = (profile: Profile) => request<IMe>('PATCH', 'me', profile);
export const activity = () => request('POST', 'activity');
export const lock = () => request('POST', 'lock');
export const unlock = (factor: Factor) => request('POST', 'unlock', factor);
export const signIn = (username: string, password: string, code: string) =>
  request<IMe>('POST', 'login', { username, password, code });
export const stepUp = (password: string, code: string) => request('POST', 'step-up', { password, code });

export const phones = async () =>
  (await request<{ authenticators: IPhone[] }>('GET', 'authenticators')).authenticators;
export const addPhone = (name: string) => request<INewPhone>('POST', 'authenticators', { name });
export const confirmPhone = (id: string, code: string) =>
  request<IPhone>('POST', `authenticators/${id}/confirm`, { code });
export const renamePhone = (id: string, name: string) =>
  request<IPhone>('PATCH', `authenticators/${id}`, { name });
export const removePhone = (id: string) => request('DELETE', `authenticators/${id}`);

export const newRecoveryCodes = async () =>
  (await request<{ recovery_codes: string[] }>('POST', 'recovery-codes')).recovery_codes;
export const setPassword = (password: string) => request('POST', 'password', { new_password: password });

export const logins = async () => (await request<{ logins: ILogin[] }>('GET', 'logins')).logins;
export const endLogin = (id: string) => request('DELETE', `logins/${id}`);
export const endOtherLogins = () => request('DELETE', 'logins');

export const accessTokens = async () =>
  (await request<{ access_tokens: IAccessToken[] }>('GET', 'access-tokens')).access_tokens;
export const createAccessToken = (wanted: IWantedToken) =>
  request<IAccessToken & { token: string }>('POST', 'access-tokens', wanted);
export const revokeAccessToken = (id: string) => request('DELETE', `access-tokens/${id}`);

export const events = async (before?: number) =>
  (await request<{ events: IEvent[] }>('GET', before ? `events?before=${before}` : 'events')).events;

export const running = () => request<IRunning>('GET', 'running');

export const accounts = async () => (await request<{ accounts: IAccount[] }>('GET', 'accounts')).accounts;
export const addAccount = (account: INewAccount) => request<IInvitation>('POST', 'accounts', account);
export type AccountChange = Partial<Pick<IAccount, 'role' | 'terminals' | 'disabled' | 'expires_at'>>;
export const changeAccount = (id: string, change: AccountChange) =>
  request<IAccount>('PATCH', `accounts/${id}`, change);
export const removeAccount = (id: string) => request('DELETE', `accounts/${id}`);
export const resetAccount = (id: string) => request<IInvitation>('POST', `accounts/${id}/reset`);
/** `grace`: seconds that their pages get for saving. */
export const endLoginsOf = (id: string, grace = 0) =>
  request('DELETE', `accounts/${id}/logins${grace ? `?grace=${grace}` : ''}`);

export const sendNotice = (message: string, valid_for: number) =>
  request<INotice>('POST', 'notices', { message, valid_for });
export const withdrawNotice = (id: string) => request('DELETE', `notices/${id}`);
