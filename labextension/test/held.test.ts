import { HeldRequests } from '../src/session/held';

const URL = 'http://localhost:8888/api/contents/a.ipynb';
const refusal = (reason: string) => new Response(JSON.stringify({ reason, message: '' }), { status: 403 });

function held(...answers: Response[]) {
  let open: () => void = () => undefined;
  const until = jest.fn(() => new Promise<void>(resolve => (open = resolve)));
  const sent: Request[] = [];
  const settings = {
    fetch: async (request: Request) => {
      sent.push(request);
      return answers.shift()!;
    }
  };
  const confirmed = jest.fn().mockResolvedValue(true);
  const refused = jest.fn();
  new HeldRequests(until, confirmed, refused).install(settings as any);
  return { fetch: settings.fetch as unknown as typeof fetch, sent, until, confirmed, refused, open: () => open() };
}

const turn = () => new Promise(resolve => setTimeout(resolve, 10));

afterEach(() => {
  jest.useRealTimers();
  document.cookie = '_xsrf=; max-age=0';
});

test('a save that was refused is done after the next login, with its body and the new pair', async () => {
  const it = held(refusal('signed-out'), new Response('saved'));
  const answer = it.fetch(new Request(URL, { method: 'PUT', body: 'text', headers: { 'X-XSRFToken': 'old' } }));
  await turn();
  expect(it.sent).toHaveLength(1);
  document.cookie = '_xsrf=new';
  it.open();
  expect(await (await answer).text()).toBe('saved');
  expect(it.sent[1].headers.get('X-XSRFToken')).toBe('new');
  expect(await it.sent[1].text()).toBe('text');
});

test.each([
  ['a refusal of something else', URL, refusal('forbidden')],
  ['a refusal that is no JSON', URL, new Response('no', { status: 403 })],
  ['another error', URL, new Response('{"reason":"locked"}', { status: 500 })],
  ['our own request', 'http://localhost:8888/api/totp/logins', refusal('locked')]
])('%s passes', async (_, url, response) => {
  const it = held(response);
  expect(await it.fetch(new Request(url))).toBe(response);
  expect(it.until).not.toHaveBeenCalled();
});

test('who wants no answer any more gets none, and nothing is sent', async () => {
  const it = held(refusal('locked'));
  const control = new AbortController();
  const answer = it.fetch(new Request(URL, { signal: control.signal }));
  await turn();
  control.abort();
  await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
  it.open();
  await turn();
  expect(it.sent).toHaveLength(1);
});

test('a write that has waited long is not sent: the file may be another one by now', async () => {
  const first = refusal('locked');
  const it = held(first, refusal('locked'), new Response('read'));
  const write = it.fetch(new Request(URL, { method: 'PUT', body: 'text' }));
  await turn();
  const now = Date.now();
  jest.spyOn(Date, 'now').mockReturnValue(now + 6 * 60_000);
  it.open();
  expect(await write).toBe(first);
  expect(it.sent).toHaveLength(1);
});

test('a read is sent again with the pair of the new login', async () => {
  const it = held(refusal('signed-out'), new Response('read'));
  const read = it.fetch(new Request(URL, { headers: { 'X-XSRFToken': 'old' } }));
  await turn();
  document.cookie = '_xsrf=new';
  it.open();
  expect(await (await read).text()).toBe('read');
  expect(it.sent[1].headers.get('X-XSRFToken')).toBe('new');
});

test('a read that has waited long is sent', async () => {
  const it = held(refusal('locked'), new Response('read'));
  const read = it.fetch(new Request(URL));
  await turn();
  const now = Date.now();
  jest.spyOn(Date, 'now').mockReturnValue(now + 3600_000);
  it.open();
  expect(await (await read).text()).toBe('read');
});

test('what needs both factors is sent once more after them, with the new pair', async () => {
  const it = held(refusal('step-up'), refusal('step-up'));
  document.cookie = '_xsrf=new';
  const answer = await it.fetch(new Request(URL, { method: 'POST', body: 'x', headers: { 'X-XSRFToken': 'old' } }));
  expect(answer.status).toBe(403); // and not a third time
  expect(it.sent).toHaveLength(2);
  expect(it.sent[1].headers.get('X-XSRFToken')).toBe('new');
  expect(await it.sent[1].text()).toBe('x');
  expect(it.confirmed).toHaveBeenCalledTimes(1);
  expect(it.until).not.toHaveBeenCalled();
});

test('who does not give both factors gets the refusal', async () => {
  const first = refusal('step-up');
  const it = held(first, new Response('made'));
  it.confirmed.mockResolvedValue(false);
  expect(await it.fetch(new Request(URL, { method: 'POST' }))).toBe(first);
  expect(it.sent).toHaveLength(1);
});

test.each(['role', 'terminals', 'scope'])('what the reason %s forbids passes, and its sentence is kept', async reason => {
  const response = new Response(JSON.stringify({ reason, message: 'You may not.' }), { status: 403 });
  const it = held(response);
  expect(await it.fetch(new Request(URL))).toBe(response);
  expect(it.refused.mock.calls).toEqual([[response, 'You may not.']]);
  expect(it.confirmed).not.toHaveBeenCalled();
  expect(await response.json()).toMatchObject({ reason }); // for JupyterLab to read
});

test('no more than two hundred wait', async () => {
  const it = held(...Array.from({ length: 201 }, () => refusal('locked')));
  const all = Array.from({ length: 201 }, () => it.fetch(new Request(URL)));
  expect((await Promise.race(all)).status).toBe(403);
  expect(it.until).toHaveBeenCalledTimes(200);
});
