/** A server for the tests: what it answers is put there, what it was asked is kept. */
import { ServerConnection } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';

import { IMe } from '../src/api';

/** English as it stands. */
export const trans = {
  __: (text: string, ...values: unknown[]) => text.replace(/%(\d)/g, (_, number) => String(values[number - 1]))
} as unknown as TranslationBundle;

/** `[status, document, headers]`, or an error for a server that is not there. */
export type Answer = [number, unknown?, Record<string, string>?] | Error;

export class Server {
  asked: { method: string; path: string; query: string; body: string; type: string | null }[] = [];
  /** Answers by `METHOD path`, one after the other; the last one stays. */
  private readonly answers = new Map<string, Answer[]>();

  constructor() {
    const settings = ServerConnection.makeSettings({
      baseUrl: 'http://localhost:8888/',
      fetch: request => this.answer(request as Request)
    });
    jest.spyOn(ServerConnection, 'makeSettings').mockReturnValue(settings);
  }

  on(what: string, ...answers: Answer[]): void {
    this.answers.set(what, answers);
  }

  times(what: string): number {
    return this.asked.filter(one => `${one.method} ${one.path}` === what).length;
  }

  private async answer(request: Request): Promise<Response> {
    const { pathname, search: query } = new URL(request.url);
    const path = pathname.replace('/api/totp/', '');
    const body = await request.text();
    this.asked.push({ method: request.method, path, query, body, type: request.headers.get('Content-Type') });
    const answers = this.answers.get(`${request.method} ${path}`) ?? [[404, {}]];
    const answer = answers.length > 1 ? answers.shift()! : answers[0];
    if (answer instanceof Error) {
      throw answer;
    }
    const [status, document, headers] = answer;
    return new Response(status === 204 ? null : typeof document === 'string' ? document : JSON.stringify(document), {
      status,
      headers
    });
  }
}

export const ADA: IMe = {
  username: 'ada',
  display_name: 'Ada',
  initials: 'A',
  color: '#123456',
  role: 'member',
  terminals: 'yes',
  authenticators: 1,
  recovery_codes_left: 10,
  locked: false,
  notices: [],
  stops_at: null,
  login: { id: '1', expires_at: '2027-01-01T00:00:00Z', ending: null, idle_at: null, fresh_until: '2026-01-01T00:00:00Z' }
};

export const SIGNED_OUT: Answer = [403, { reason: 'signed-out', message: 'This login was logged out.' }];
export const LOCKED: Answer = [403, { reason: 'locked', message: 'This login was locked.' }];

/** Let everything that can go on go on, for so many ms of the page's time. */
export const pass = (ms = 0) => jest.advanceTimersByTimeAsync(ms);

/** A socket that the test opens and closes. */
export class Socket {
  static all: Socket[] = [];
  onopen: () => void = () => undefined;
  onclose: () => void = () => undefined;
  onmessage: (event: { data: unknown }) => void = () => undefined;
  constructor(readonly url: string) {
    Socket.all.push(this);
  }
}
