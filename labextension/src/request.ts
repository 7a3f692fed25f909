import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

/** An answer of the server that is no success; `reason` is the contract's machine word, `offline` where none came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string
  ) {
    super(message);
  }
}

/** A person was asked for both factors, and chose not to give them. */
export class Cancelled extends Error {}

/** In ms. A request that never ends must not keep everything behind it waiting: sleep and dead proxies do that. */
const PATIENCE = 60_000;

let clockAhead = 0;

/** The server's clock, in ms since the epoch, as far as its last answer told it. */
export function serverNow(): number {
  return Date.now() + clockAhead;
}

/** The words for "there is no login that may go on": what covers the page. */
export type Refusal = 'locked' | 'signed-out';

export function isRefusal(reason: string): reason is Refusal {
  return reason === 'locked' || reason === 'signed-out';
}

const refusals = new Signal<object, void>({});

/** Emitted when something that a person asked for was refused for want of a login: time to look whether it lives. */
export const refused: ISignal<object, void> = refusals;

/**
 * The one way to ask `api/totp`. Throws {@link ApiError}.
 *
 * A refused `_xsrf` pair is tried once more: that answer has put the cookie right (after a login in another tab).
 */
export async function request<T = void>(method: string, path: string, body?: unknown): Promise<T> {
  try {
    return await send<T>(method, path, body);
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'xsrf') {
      return send<T>(method, path, body);
    }
    // Not of `me` itself: that is the look.
    if (error instanceof ApiError && isRefusal(error.reason) && path !== 'me') {
      refusals.emit();
    }
    throw error;
  }
}

async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const settings = ServerConnection.makeSettings();
  const url = URLExt.join(settings.baseUrl, 'api/totp', path);
  // Not 'no-store', at which JupyterLab writes the time into the URL: the answers themselves say that nobody keeps them.
  const init: RequestInit = { method, cache: 'no-cache', signal: AbortSignal.timeout(PATIENCE) };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    // Said here: JupyterLab leaves it at the browser's text/plain, which ours refuses (CSRF).
    init.headers = { 'Content-Type': 'application/json' };
  }
  let response: Response;
  let text: string;
  try {
    response = await ServerConnection.makeRequest(url, init, settings);
    text = await response.text();
  } catch {
    throw new ApiError(0, 'offline', 'The server does not answer.');
  }
  const date = Date.parse(response.headers.get('Date') ?? '');
  clockAhead = Number.isNaN(date) ? clockAhead : date - Date.now();
  if (response.status === 204) {
    return undefined as T;
  }
  const document = parse(text);
  if (response.ok && document !== null) {
    return document as T;
  }
  if (response.ok || typeof document?.reason !== 'string') {
    // A proxy's own page, or no server part of ours behind this URL.
    throw new ApiError(response.status, 'unexpected', `${response.status} ${response.statusText}`);
  }
  throw new ApiError(response.status, document.reason, String(document.message));
}

function parse(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
