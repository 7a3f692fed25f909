import { ApiError, Cancelled } from '../src/request';
import { confirmed, freshly } from '../src/stepup';
import { Server, trans } from './harness';
import { Dialog } from './toolkit';

const BOTH = { password: 'p', code: '123456' };
const stale = () => new ApiError(403, 'step-up', 'Please confirm.');

let server: Server;
beforeEach(() => {
  server = new Server();
  Dialog.shown = [];
});

async function dialog(number: number): Promise<Dialog> {
  while (Dialog.shown.length <= number) {
    await new Promise(resolve => setTimeout(resolve, 1));
  }
  return Dialog.shown[number];
}

test('a fresh login is not asked', async () => {
  expect(await freshly(trans, async () => 1)).toBe(1);
  expect(Dialog.shown).toEqual([]);
});

test('another refusal passes', async () => {
  const act = jest.fn().mockRejectedValue(new ApiError(409, 'last', ''));
  await expect(freshly(trans, act)).rejects.toMatchObject({ reason: 'last' });
  expect(act).toHaveBeenCalledTimes(1);
});

test('it is asked until both are right, then what was asked for is done', async () => {
  server.on('POST step-up', [401, { reason: 'denied', message: 'Wrong.' }], [429, { reason: 'slow', message: 'Wait.' }], [204]);
  const act = jest.fn().mockRejectedValueOnce(stale()).mockResolvedValue('done');
  const result = freshly(trans, act);
  for (const [number, problem] of ['', 'Wrong.', 'Wait.'].entries()) {
    const asked = await dialog(number);
    expect(asked.options.body.problem).toBe(problem);
    asked.answer(true, BOTH);
  }
  expect(await result).toBe('done');
  expect(act).toHaveBeenCalledTimes(2);
});

test('who cancels has not done it', async () => {
  const act = jest.fn().mockRejectedValue(stale());
  const result = freshly(trans, act);
  (await dialog(0)).answer(false, BOTH);
  await expect(result).rejects.toBeInstanceOf(Cancelled);
  expect(server.asked).toEqual([]);
});

test('a server that is away ends it', async () => {
  server.on('POST step-up', new TypeError());
  const result = freshly(trans, jest.fn().mockRejectedValue(stale()));
  (await dialog(0)).answer(true, BOTH);
  await expect(result).rejects.toMatchObject({ reason: 'offline' });
});

test('two that ask at once share one dialog; the next asks anew', async () => {
  server.on('POST step-up', [204]);
  const both = Promise.all([confirmed(trans), confirmed(trans)]);
  (await dialog(0)).answer(true, BOTH);
  expect(await both).toEqual([true, true]);
  expect(Dialog.shown).toHaveLength(1);
  const again = confirmed(trans);
  (await dialog(1)).answer(false);
  expect(await again).toBe(false);
});

test('where the server is away nobody is confirmed', async () => {
  server.on('POST step-up', new TypeError());
  const answer = confirmed(trans);
  (await dialog(0)).answer(true, BOTH);
  expect(await answer).toBe(false);
});
