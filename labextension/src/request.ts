import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

/** An answer of the server that is no success; `reason` is the contract's machine word, `offline` where none came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
    /** Seconds to wait before the next try; 0: at once. */
    readonly retryAfter = 0
  ) {
    super(message);
  }
}

/** A person was asked for both factors, and chose not to give them. */
export class Cancelled extends Error {}

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
    throw error;
  }
}

async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const settings = ServerConnection.makeSettings();
  const url = URLExt.join(settings.baseUrl, 'api/totp', path);
  const init: RequestInit = { method, cache: 'no-cache' };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    // Said here: JupyterLab leaves it at the browser's text/plain, which ours refuses (CSRF).
    init.headers = { 'Content-Type': 'application/json' };
  }
  let response: Response;
  try {
    response = await ServerConnection.makeRequest(url, init, settings);
  } catch {
    throw new ApiError(0, 'offline', 'The server does not answer.');
  }
  const date = Date.parse(response.headers.get('Date') ?? '');
  clockAhead = Number.isNaN(date) ? clockAhead : date - Date.now();
  if (!response.ok) {
    throw await errorOf(response);
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function errorOf(response: Response): Promise<ApiError> {
  const wait = Number(response.headers.get('Retry-After')) || 0;
  try {
    const { message, reason } = await response.json();
    return new ApiError(response.status, String(reason), String(message), wait);
  } catch {
    // A proxy's own page, or no server part of ours behind this URL.
    return new ApiError(response.status, 'unexpected', `${response.status} ${response.statusText}`, wait);
  }
}
