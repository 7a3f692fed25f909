import { ServerConnection } from '@jupyterlab/services';

import { isRefusal } from '../request';

/** So many at once; more are refused as the server has refused them, since a page may be covered for a weekend. */
const MOST = 200;
/** The reasons of rights: nothing that a person could give would help. */
const NOT_ALLOWED = ['role', 'terminals', 'scope', 'owner'];
const BODILESS = ['GET', 'HEAD'];
/** In ms. */
const WRITES_WAIT = 5 * 60_000;

/**
 * JupyterLab's own requests, held while nobody is signed in, or until a person has confirmed that it is they, and
 * sent again afterwards.
 *
 * The server refused them before anything happened, so to send them again is safe; and a save that was
 * under way is done then, instead of a dialog that says that it failed.
 */
export class HeldRequests {
  private _held = 0;

  /**
   * `until()` asks whether the login is really over, and resolves when there is one that may go on;
   * `confirmed()` asks the person for both factors, and resolves with whether they were given; `refused()` is told
   * what a person may not do, with the server's sentence.
   */
  constructor(
    private readonly until: () => Promise<void>,
    private readonly confirmed: () => Promise<boolean>,
    private readonly refused: (response: Response, sentence: string) => void
  ) {}

  /** Take the place of the settings' fetch. */
  install(settings: ServerConnection.ISettings): void {
    const writable = settings as { fetch: typeof fetch };
    const send = writable.fetch;
    writable.fetch = (input: RequestInfo | URL, init?: RequestInit) =>
      input instanceof Request ? this.fetch(send, input) : send(input, init);
  }

  private async fetch(send: typeof fetch, request: Request): Promise<Response> {
    // A copy is taken before it is sent: afterwards its body is gone. What has none can be sent again as it is.
    const spare = isOurs(request) ? null : BODILESS.includes(request.method) ? request : request.clone();
    const response = await send(request);
    if (spare === null || response.status !== 403) {
      return response;
    }
    const { reason, message } = await wordsOf(response);
    if (reason === 'step-up') {
      return (await this.confirmed()) ? send(renewed(spare)) : response;
    }
    if (NOT_ALLOWED.includes(reason)) {
      this.refused(response, message);
    }
    if (!isRefusal(reason) || this._held >= MOST) {
      return response;
    }
    const since = Date.now();
    this._held++;
    try {
      await Promise.race([this.until(), aborted(request.signal)]);
    } finally {
      this._held--;
    }
    // Not a write of long ago: JupyterLab looked before it whether the file was changed elsewhere, and
    // what it saw may be true no more. Refused, it looks again at the next save.
    if (request.method !== 'GET' && Date.now() - since > WRITES_WAIT) {
      return response;
    }
    return send(renewed(spare));
  }
}

/** Our own requests say themselves what their refusal means. */
function isOurs(request: Request): boolean {
  return /\/api\/totp\//.test(new URL(request.url).pathname);
}

async function wordsOf(response: Response): Promise<{ reason: string; message: string }> {
  try {
    const { reason, message } = await response.clone().json();
    return { reason: String(reason), message: String(message) };
  } catch {
    return { reason: '', message: '' };
  }
}

/** Rejects as `fetch` would, when whoever asked wants no answer any more. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const reason = () => reject(signal.reason ?? new DOMException('Aborted', 'AbortError'));
    if (signal.aborted) {
      reason();
    }
    signal.addEventListener('abort', reason, { once: true });
  });
}

/** With the CSRF pair of the login that is there now. */
function renewed(request: Request): Request {
  const token = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie);
  if (token && request.headers.has('X-XSRFToken')) {
    request.headers.set('X-XSRFToken', token[1]);
  }
  return request;
}
