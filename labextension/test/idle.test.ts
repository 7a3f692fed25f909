import { Signal } from '@lumino/signaling';

import { ActivityPing } from '../src/session/activity';
import { IdleWarning } from '../src/session/warning';
import { ADA, pass, Server, trans } from './harness';

/** The login of a page, without a server: `check` is counted. */
class Login {
  state = 'open';
  me: any = { ...ADA };
  check = jest.fn(async () => this.changed.emit(undefined));
  readonly changed = new Signal<any, void>(this);

  idleIn(ms: number): this {
    this.me = { ...ADA, login: { ...ADA.login, idle_at: new Date(Date.now() + ms).toISOString() } };
    return this;
  }
}

let server: Server;
let login: Login;
let ping: ActivityPing;
let removeListeners: () => void;

beforeEach(() => {
  jest.useFakeTimers({ now: new Date('2026-11-28T12:00:00Z') });
  server = new Server();
  server.on('POST activity', [204]);
  login = new Login();
  ping = new ActivityPing(login as any);
  const added = jest.spyOn(window, 'addEventListener');
  ping.start();
  const calls = added.mock.calls.slice();
  removeListeners = () => calls.forEach(([kind, heard]) => window.removeEventListener(kind, heard as any, true));
});

afterEach(() => {
  removeListeners();
  document.body.replaceChildren();
  jest.useRealTimers();
});

/** As if a finger had done it: what a script dispatches is never trusted. */
async function input(kind: string, isTrusted = true): Promise<void> {
  const event = new Event(kind);
  const [, heard] = jest.mocked(window.addEventListener).mock.calls.find(([name]) => name === kind)!;
  (heard as (event: Event) => void)(new Proxy(event, { get: (it, key) => (key === 'isTrusted' ? isTrusted : (it as any)[key]) }));
  await pass();
}

const notice = () => document.querySelector<HTMLElement>('[role=alertdialog]');
const stay = () => notice()!.querySelector('button')!;

test('input is told once a minute', async () => {
  login.idleIn(3600_000);
  for (const kind of ['keydown', 'pointerdown', 'wheel', 'paste']) {
    await input(kind);
  }
  expect(server.times('POST activity')).toBe(1);
  await pass(59_000);
  await input('keydown');
  expect(server.times('POST activity')).toBe(1);
  await pass(1000);
  await input('keydown');
  expect(server.times('POST activity')).toBe(2);
});

test('a script is nobody, and without an idle limit nothing is told', async () => {
  login.idleIn(3600_000);
  await input('keydown', false);
  login.me = ADA;
  await input('keydown');
  login.idleIn(3600_000).state = 'locked';
  await input('keydown');
  expect(server.asked).toEqual([]);
});

test('a minute before the limit the page warns and counts down, and *Stay* stays', async () => {
  new IdleWarning(login as any, ping, trans);
  login.idleIn(300_000).changed.emit(undefined);
  await pass(239_000);
  expect(notice()).toBeNull();
  await pass(1000);
  expect(notice()!.textContent).toContain('In 60 seconds');
  await pass(18_000);
  expect(notice()!.textContent).toContain('In 42 seconds');
  login.check.mockImplementation(async () => login.idleIn(300_000).changed.emit(undefined));
  stay().click();
  await pass();
  expect(server.times('POST activity')).toBe(1);
  expect(notice()).toBeNull();
});

test('a warning that the server has not heard the answer to stays, and *Stay* can be pressed again', async () => {
  new IdleWarning(login as any, ping, trans);
  login.idleIn(300_000).changed.emit(undefined);
  await pass(240_000);
  server.on('POST activity', new TypeError(), [204]);
  stay().click();
  await pass();
  expect(notice()).not.toBeNull();
  login.check.mockImplementation(async () => login.idleIn(300_000).changed.emit(undefined));
  stay().click();
  await pass();
  expect(server.times('POST activity')).toBe(2);
  expect(notice()).toBeNull();
});

test('the warning takes no focus, and gives back what its button took', async () => {
  const field = document.body.appendChild(document.createElement('input'));
  field.focus();
  new IdleWarning(login as any, ping, trans);
  login.idleIn(30_000).changed.emit(undefined);
  await pass(16_000);
  expect(document.activeElement).toBe(field);
  stay().focus();
  login.idleIn(300_000).changed.emit(undefined);
  expect(document.activeElement).toBe(field);
});

test('a covered page has no warning on it', async () => {
  new IdleWarning(login as any, ping, trans);
  login.idleIn(30_000).changed.emit(undefined);
  await pass(16_000);
  login.state = 'signed-out';
  login.changed.emit(undefined);
  expect(notice()).toBeNull();
  await pass(60_000);
  expect(notice()).toBeNull();
});

test('where another tab has told of input meanwhile, nothing is said', async () => {
  new IdleWarning(login as any, ping, trans);
  login.idleIn(120_000).changed.emit(undefined);
  login.check.mockImplementation(async () => login.idleIn(300_000).changed.emit(undefined));
  await pass(70_000);
  expect(notice()).toBeNull();
});

test('the warning goes when the login lives on or is over, and the next input is told at once', async () => {
  new IdleWarning(login as any, ping, trans);
  login.idleIn(200_000).changed.emit(undefined);
  await input('keydown');
  login.idleIn(70_000).changed.emit(undefined);
  await pass(36_000); // half of it: less than two minutes
  expect(notice()).not.toBeNull();
  await input('keydown'); // sooner after the one before than it would be told otherwise
  expect(server.times('POST activity')).toBe(2);
  login.idleIn(300_000).changed.emit(undefined);
  expect(notice()).toBeNull();
});

test('a short limit is warned of at its half, and at the limit the server is asked, which then knows', async () => {
  new IdleWarning(login as any, ping, trans);
  login.idleIn(30_000).changed.emit(undefined);
  login.check.mockClear();
  login.check.mockImplementation(async () => undefined);
  await pass(14_000);
  expect(login.check).not.toHaveBeenCalled();
  await pass(2000);
  expect(notice()).not.toBeNull();
  await pass(13_000);
  expect(login.check).toHaveBeenCalledTimes(1);
  await pass(2000);
  expect(login.check).toHaveBeenCalledTimes(2);
});

test('a limit of months does not overflow the timer', async () => {
  new IdleWarning(login as any, ping, trans);
  login.idleIn(60 * 24 * 3600_000).changed.emit(undefined);
  await pass(60_000);
  expect(login.check).not.toHaveBeenCalled();
});
