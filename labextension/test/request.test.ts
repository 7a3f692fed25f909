import { ApiError, Cancelled, refused, request, serverNow } from '../src/request';
import { sentence } from '../src/parts';
import { Server, SIGNED_OUT, trans } from './harness';

let server: Server;
beforeEach(() => {
  server = new Server();
});

test('what is sent is JSON and says so', async () => {
  server.on('POST unlock', [204]);
  expect(await request('POST', 'unlock', { code: '1' })).toBeUndefined();
  expect(server.asked[0]).toMatchObject({ body: '{"code":"1"}', type: 'application/json' });
});

test('a URL is sent as it is asked for', async () => {
  server.on('GET events', [200, {}]);
  await request('GET', 'events?before=7');
  await request('GET', 'events');
  expect(server.asked.map(one => one.query)).toEqual(['?before=7', '']);
});

test('a refused pair is tried once more, and not twice', async () => {
  server.on('POST lock', [403, { reason: 'xsrf', message: 'no' }], [204]);
  await request('POST', 'lock');
  expect(server.times('POST lock')).toBe(2);
  server.on('POST lock', [403, { reason: 'xsrf', message: 'no' }]);
  await expect(request('POST', 'lock')).rejects.toMatchObject({ reason: 'xsrf' });
  expect(server.times('POST lock')).toBe(4);
});

test('no answer is told apart from a refusal', async () => {
  server.on('GET me', new TypeError('Failed to fetch'));
  await expect(request('GET', 'me')).rejects.toMatchObject({ status: 0, reason: 'offline' });
});

test.each([
  [502, '<h1>Bad Gateway</h1>'],
  [200, '<p>a portal of the hotel</p>'],
  [500, { message: 'no reason' }]
])('what is not ours (%i) is an error of its own', async (status, body) => {
  server.on('GET me', [status, body]);
  await expect(request('GET', 'me')).rejects.toMatchObject({ status, reason: 'unexpected' });
});

test('a refusal for want of a login is told to whoever watches it, and a look itself is not', async () => {
  const told = jest.fn();
  refused.connect(told);
  server.on('GET logins', SIGNED_OUT);
  server.on('GET me', SIGNED_OUT);
  await expect(request('GET', 'me')).rejects.toMatchObject({ reason: 'signed-out' });
  expect(told).not.toHaveBeenCalled();
  await expect(request('GET', 'logins')).rejects.toMatchObject({ reason: 'signed-out' });
  expect(told).toHaveBeenCalledTimes(1);
  refused.disconnect(told);
});

test("the server's clock is taken from its answers", async () => {
  server.on('GET me', [200, {}, { Date: new Date(Date.now() + 3600_000).toUTCString() }]);
  await request('GET', 'me');
  expect(Math.abs(serverNow() - Date.now() - 3600_000)).toBeLessThan(2000);
});

test('what is said of an error', () => {
  expect(sentence(trans, new Cancelled())).toBe('');
  expect(sentence(trans, new ApiError(403, 'locked', 'x'))).toBe('');
  expect(sentence(trans, new ApiError(409, 'last', 'Your only one stays.'))).toBe('Your only one stays.');
  expect(sentence(trans, new ApiError(0, 'offline', ''))).toContain('whether it was done');
});
