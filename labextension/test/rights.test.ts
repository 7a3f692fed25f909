import { IAccessToken, IMe } from '../src/api';
import { inWords, mayHaveFolder, toggled } from '../src/panel/scopes';
import { readAlong } from '../src/session/reader';
import { RefusedTerminals } from '../src/session/terminals';
import { UntoldRefusals } from '../src/session/untold';
import { ADA, Server, trans } from './harness';
import { Notification } from './toolkit';

/** Without it a notification is only in JupyterLab's list. */
const TOAST = { autoClose: 10_000 };

test.each([
  [['all'], 'contents:read', true, ['contents:read']],
  [['contents:read'], 'kernels:execute', true, ['contents:read', 'kernels:execute']],
  [['contents:read', 'kernels:execute'], 'contents:read', false, ['kernels:execute']],
  [['contents:read', 'kernels:execute'], 'all', true, ['all']],
  [['all'], 'all', false, []]
])('of %j, %s set to %s leaves %j', (before, scope, on, after) => {
  expect(toggled(before, scope, on)).toEqual(after);
});

test.each([
  [[], false],
  [['all'], false],
  [['contents:read', 'contents:write'], true],
  [['contents:read', 'kernels:execute'], false]
])('%j with a folder: %s', (chosen, may) => {
  expect(mayHaveFolder(chosen)).toBe(may);
});

test('a token is told in words, its scopes by their names, also one that is not known here', () => {
  const token = { scopes: ['contents:read', 'new:one'], path_prefix: 'data' } as IAccessToken;
  expect(inWords(trans, token)).toBe('Read files and notebooks (contents:read), new:one; only in the folder data');
  expect(inWords(trans, { ...token, scopes: ['all'], path_prefix: null })).toBe('Everything I may do (all)');
});

/** JupyterLab as far as it is changed for readers. */
function lab(me: Partial<IMe> | null) {
  const app = {
    serviceManager: { contents: { get: async (path: string) => ({ path, writable: true }) } },
    docRegistry: { getKernelPreference: (path: string) => (path ? { name: 'python3', canStart: true } : undefined) }
  };
  const login = { me };
  readAlong(app as any, login as any);
  return { ...app, login };
}

test('documents are read-only for a reader, and start no kernel', async () => {
  const { serviceManager, docRegistry } = lab({ role: 'reader' });
  expect(await serviceManager.contents.get('a.ipynb')).toEqual({ path: 'a.ipynb', writable: false });
  expect(docRegistry.getKernelPreference('a')).toEqual({ name: 'python3', canStart: false, shouldStart: false });
  expect(docRegistry.getKernelPreference('')).toBeUndefined();
});

test('anybody else gets what JupyterLab says, also where the role changes', async () => {
  const { serviceManager, docRegistry, login } = lab(null);
  expect((await serviceManager.contents.get('a')).writable).toBe(true);
  expect(docRegistry.getKernelPreference('a')).toEqual({ name: 'python3', canStart: true });
  login.me = { role: 'reader' };
  expect((await serviceManager.contents.get('a')).writable).toBe(false);
});

/** A socket as the browser makes it. */
class Wire extends EventTarget {
  static last: Wire;
  constructor(readonly url: string) {
    super();
    Wire.last = this;
  }
}

function terminals(me: Partial<IMe>, state = 'open') {
  const settings = { WebSocket: Wire as any };
  const confirm = jest.fn().mockResolvedValue(false);
  const login = { me: { ...ADA, ...me }, state, refresh: jest.fn().mockResolvedValue(undefined) };
  new RefusedTerminals(login as any, trans, confirm).install(settings as any);
  const lose = async (url = 'ws://localhost:8888/terminals/websocket/1', opened = false) => {
    new settings.WebSocket(url);
    opened && Wire.last.dispatchEvent(new Event('open'));
    Wire.last.dispatchEvent(new Event('close'));
    await new Promise(resolve => setTimeout(resolve, 1));
  };
  return { lose, login, confirm };
}

const PAST = { ...ADA.login, fresh_until: '2020-01-01T00:00:00Z' };
const FUTURE = { ...ADA.login, fresh_until: '2999-01-01T00:00:00Z' };

beforeEach(() => {
  Notification.warning.mockClear();
});

test.each([
  [{ role: 'reader' } as const, 'Your account may read here, but not change or run anything.'],
  [{ terminals: 'no' } as const, 'Your account has no terminals here.']
])('%j is told why, once', async (me, sentence) => {
  const { lose } = terminals(me);
  await lose();
  await lose();
  expect(Notification.warning.mock.calls).toEqual([[sentence, TOAST]]);
});

test.each([
  ['of a login that is over', { terminals: 'no' } as const, 'signed-out', undefined, false],
  ['that was open', { terminals: 'no' } as const, 'open', undefined, true],
  ['of a kernel', { terminals: 'no' } as const, 'open', 'ws://localhost:8888/api/kernels/1/channels', false],
  ['of somebody who may', {}, 'open', undefined, false],
  ['of a fresh login', { terminals: 'step-up', login: FUTURE } as const, 'open', undefined, false]
])('nothing is said of a socket %s', async (_, me, state, url, opened) => {
  const { lose, confirm } = terminals(me, state);
  await lose(url, opened);
  expect(Notification.warning).not.toHaveBeenCalled();
  expect(confirm).not.toHaveBeenCalled();
});

test('both factors are asked for, not again after a no', async () => {
  const { lose, confirm } = terminals({ terminals: 'step-up', login: PAST });
  await lose();
  await lose();
  expect(confirm).toHaveBeenCalledTimes(1);
});

test('after a yes the next time is another one', async () => {
  const { lose, confirm } = terminals({ terminals: 'step-up', login: PAST });
  confirm.mockResolvedValue(true);
  await lose();
  await lose();
  expect(confirm).toHaveBeenCalledTimes(2);
});

test('a refusal that nobody caught is told in the server\'s words; nothing else is', () => {
  const untold = new UntoldRefusals();
  const [ours, other, layout] = [1, 2, 3].map(() => new Response('', { status: 403 }));
  Object.defineProperty(layout, 'url', { value: 'http://localhost:8888/lab/api/workspaces/default?1' });
  untold.note(ours, 'You may not.');
  untold.note(layout, 'You may not.');
  for (const reason of [new Error('x'), { response: other }, undefined, { response: layout }, { response: ours }]) {
    window.dispatchEvent(Object.assign(new Event('unhandledrejection'), { reason }));
  }
  expect(Notification.warning.mock.calls).toEqual([['You may not.', TOAST]]);
});

test('a restart that is refused is told at once, since JupyterLab catches it', () => {
  const restart = new Response('', { status: 403 });
  Object.defineProperty(restart, 'url', { value: 'http://localhost:8888/api/kernels/a-b/restart?1' });
  new UntoldRefusals().note(restart, 'This kernel belongs to Ada.');
  expect(Notification.warning.mock.calls).toEqual([['This kernel belongs to Ada.', TOAST]]);
});

test("somebody else's terminal is said to be theirs, once; one's own is not", async () => {
  const server = new Server();
  const face = { initials: 'A', color: 'red' };
  const of = (name: string, mine: boolean) => ({ ...face, name, username: 'ada', display_name: 'Ada', mine });
  server.on('GET running', [200, { kernels: [], terminals: [of('1', false), of('2', true)] }]);
  const { lose } = terminals({});
  for (const name of ['1', '1', '2', '3']) {
    await lose(`ws://localhost:8888/terminals/websocket/${name}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  expect(Notification.warning.mock.calls).toEqual([['This terminal belongs to Ada.', TOAST]]);
});
