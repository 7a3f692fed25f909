import * as page from '../src/page';
import { LoginMonitor } from '../src/session/monitor';
import { ADA, LOCKED, pass, Server, SIGNED_OUT, Socket } from './harness';

let server: Server;
let monitor: LoginMonitor;
let changes: string[];
const cameBack = jest.fn();

beforeEach(async () => {
  jest.useFakeTimers();
  Socket.all = [];
  server = new Server();
  server.on('GET me', [200, ADA]);
  monitor = new LoginMonitor({ wsUrl: 'ws://localhost:8888/', WebSocket: Socket } as any);
  changes = [];
  jest.spyOn(page, 'reload').mockImplementation();
  jest.spyOn(page, 'leaveFor').mockImplementation();
  cameBack.mockReset();
  monitor.changed.connect(() => changes.push(monitor.state));
  monitor.cameBack.connect(cameBack);
});

afterEach(() => {
  jest.useRealTimers();
});

async function begun(): Promise<void> {
  const starting = monitor.start();
  await pass();
  await starting;
}

test('it knows who is signed in, and holds one socket open', async () => {
  await begun();
  expect(monitor.me?.username).toBe('ada');
  expect(Socket.all.map(one => one.url)).toEqual(['ws://localhost:8888/api/events/subscribe']);
});

test('the socket waits until the page has time, and what happened meanwhile is found then', async () => {
  let ready = () => {};
  const starting = monitor.start(new Promise<void>(resolve => (ready = resolve)));
  await pass();
  await starting;
  expect(monitor.me?.username).toBe('ada');
  expect(Socket.all).toEqual([]);
  server.on('GET me', SIGNED_OUT);
  ready();
  await pass();
  expect(Socket.all).toHaveLength(1);
  Socket.all[0].onopen();
  await pass();
  expect(monitor.state).toBe('signed-out');
});

test('without a server part of ours it gives up', async () => {
  server.on('GET me', [404, '<p>not here</p>']);
  await expect(monitor.start()).rejects.toMatchObject({ status: 404 });
});

test('a busy server is waited for', async () => {
  server.on('GET me', [503, {}], new TypeError(), [200, ADA]);
  const starting = monitor.start();
  await pass(60_000);
  await starting;
  expect(monitor.me?.username).toBe('ada');
});

test.each([
  [LOCKED, 'login/unlock?next=%2Flab'],
  [SIGNED_OUT, 'login?next=%2Flab']
])('a login that was over before the first question leads to its page', async (answer, path) => {
  server.on('GET me', answer);
  await expect(monitor.start()).rejects.toMatchObject({ status: 403 });
  expect(page.leaveFor).toHaveBeenCalledWith(path);
});

test('one refusal is none: the cookie may have changed meanwhile', async () => {
  await begun();
  server.on('GET me', SIGNED_OUT, [200, ADA]);
  Socket.all[0].onclose();
  await pass();
  expect(monitor.state).toBe('open');
  expect(server.times('GET me')).toBe(3);
});

test('the second refusal covers, with the reason', async () => {
  await begun();
  server.on('GET me', SIGNED_OUT);
  Socket.all[0].onclose();
  await pass();
  expect([monitor.state, monitor.why]).toEqual(['signed-out', 'This login was logged out.']);
});

test('a server that is away covers nothing, and is asked again ever more seldom', async () => {
  await begun();
  server.on('GET me', new TypeError());
  Socket.all[0].onclose();
  for (let round = 0; round < 60; round++) {
    await pass(1000);
    Socket.all[Socket.all.length - 1].onclose();
  }
  expect(monitor.state).toBe('open');
  expect(Socket.all.length).toBeLessThan(12);
});

test('covered, it looks by itself, and goes on where somebody has signed in again', async () => {
  await begun();
  server.on('GET me', LOCKED);
  Socket.all[0].onclose();
  await pass();
  const waiting = monitor.untilOpen();
  server.on('GET me', [200, ADA]);
  await pass(10_000);
  await waiting;
  expect(monitor.state).toBe('open');
  expect(cameBack).toHaveBeenCalledTimes(1);
  expect(Socket.all).toHaveLength(2);
});

test('another person is covered first, then the page is loaded anew; once, though it may stay', async () => {
  await begun();
  const reload = jest.mocked(page.reload);
  reload.mockImplementation(() => void expect(monitor.state).toBe('signed-out'));
  server.on('GET me', [200, { ...ADA, username: 'bob' }]);
  await monitor.check();
  await pass(20_000);
  expect(reload).toHaveBeenCalledTimes(1);
  expect(cameBack).not.toHaveBeenCalled();
  // Whose page it is may sign in again.
  server.on('GET me', [200, ADA]);
  await pass(5000);
  expect(monitor.state).toBe('open');
});

test('who asks during a look gets the next one', async () => {
  await begun();
  server.on('GET me', SIGNED_OUT, SIGNED_OUT, [200, ADA]);
  const first = monitor.check();
  await Promise.resolve(); // the first is under way
  const others = [monitor.check(), monitor.check()];
  await Promise.all([first, ...others]);
  expect(monitor.state).toBe('open');
  expect(server.times('GET me')).toBe(4);
});

test('locking hides at once, and is told until the server has heard it', async () => {
  await begun();
  server.on('POST lock', new TypeError(), new TypeError(), [204]);
  const locking = monitor.lock('You have locked this login.');
  expect(monitor.state).toBe('locked');
  await pass(3000); // `me` still answers, and that uncovers nothing
  expect(monitor.state).toBe('locked');
  server.on('GET me', LOCKED);
  await pass(4000);
  await locking;
  expect(server.times('POST lock')).toBe(3);
  expect([monitor.state, monitor.why]).toEqual(['locked', 'You have locked this login.']);
});

test('who unlocks while the lock is still on its way is not locked by it afterwards', async () => {
  await begun();
  server.on('POST lock', [204]);
  server.on('POST unlock', [204]);
  const locking = monitor.lock('You have locked this login.');
  const unlocking = monitor.unlock({ code: '123456' });
  expect(server.times('POST unlock')).toBe(0);
  await Promise.all([locking, unlocking]);
  expect(server.asked.map(one => one.path).filter(path => path.endsWith('lock'))).toEqual(['lock', 'unlock']);
  expect(monitor.state).toBe('open');
});

test('nor by one that the server has not heard', async () => {
  await begun();
  server.on('POST lock', new TypeError(), [204]);
  server.on('POST unlock', [204]);
  const locking = monitor.lock('You have locked this login.');
  await monitor.unlock({ password: 'hers' });
  expect(monitor.state).toBe('open');
  await pass(3000);
  await locking;
  expect(server.times('POST lock')).toBe(1);
});

test('a login that ends while it is locked says so', async () => {
  await begun();
  server.on('GET me', LOCKED);
  await monitor.check();
  server.on('GET me', SIGNED_OUT);
  await pass(5000);
  expect(changes.slice(-2)).toEqual(['locked', 'signed-out']);
});

test('a hint that the server is about to stop makes it look, and nothing else that comes does', async () => {
  await begun();
  const [socket] = Socket.all;
  server.on('GET me', [200, { ...ADA, stops_at: '2026-11-28T12:00:20Z' }]);
  for (const data of ['{"schema_id": "https://events.jupyter.org/jupyter_server/kernel_actions/v1"}', 'null', '{', 7]) {
    socket.onmessage({ data });
  }
  await pass();
  expect(server.times('GET me')).toBe(1);
  socket.onmessage({ data: '{"schema_id": "jupyter-totp-auth/stopping"}' });
  await pass();
  expect(monitor.me?.stops_at).toBe('2026-11-28T12:00:20Z');
  expect(monitor.state).toBe('open');

  server.on('GET me', new TypeError(), [200, ADA]);
  socket.onclose();
  await pass(1000);
  expect(monitor.me?.stops_at).not.toBeNull();
  Socket.all[1].onopen();
  await pass();
  expect(monitor.me?.stops_at).toBeNull();
});
