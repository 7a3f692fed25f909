import { ServerConnection } from '@jupyterlab/services';

import { isRefusal } from '../request';

/**
 * JupyterLab's own requests, held while nobody is signed in and sent again afterwards.
 *
 * The server refused them before anything happened, so to send them again is safe; and a save that was
 * under way is done then, instead of a dialog that says that it failed.
 */
export class HeldRequests {
  /** `isOver(refused)`: asks whether the login is really over; resolves when somebody is signed in again. */
  constructor(private readonly until: () => Promise<void>) {}

  /** Take the place of the settings' fetch. */
  install(settings: ServerConnection.ISettings): void {
    const writable = settings as { fetch: typeof fetch };
    const send = writable.fetch;
    writable.fetch = (input: RequestInfo | URL, init?: RequestInit) =>
      input instanceof Request ? this.fetch(send, input) : send(input, init);
  }

  private async fetch(send: typeof fetch, request: Request): Promise<Response> {
    const spare = isOurs(request) ? null : request.clone();
    const response = await send(request);
    if (spare === null || response.status !== 403 || !(await isRefused(response))) {
      return response;
    }
    await this.until();
    return send(renewed(spare));
  }
}

/** Our own requests say themselves what their refusal means. */
function isOurs(request: Request): boolean {
  return /\/api\/totp\//.test(new URL(request.url).pathname);
}

async function isRefused(response: Response): Promise<boolean> {
  try {
    return isRefusal((await response.clone().json()).reason);
  } catch {
    return false;
  }
}

/** With the CSRF pair of the login that is there now. */
function renewed(request: Request): Request {
  const token = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie);
  if (token && request.headers.has('X-XSRFToken')) {
    request.headers.set('X-XSRFToken', token[1]);
  }
  return request;
}
