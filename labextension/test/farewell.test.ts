import { Signal } from '@lumino/signaling';

import { openDocuments } from '../src/session/documents';
import { Farewell } from '../src/session/farewell';
import { ADA, pass, trans } from './harness';

class Login {
  state = 'open';
  me: any = { ...ADA };
  readonly changed = new Signal<any, void>(this);

  stopsIn(ms: number | null): void {
    this.me = { ...ADA, stops_at: ms === null ? null : new Date(Date.now() + ms).toISOString() };
    this.changed.emit();
  }

  endsIn(ms: number, ending = 'ended-by-admin'): void {
    const expires_at = new Date(Date.now() + ms).toISOString();
    this.me = { ...this.me, login: { ...ADA.login, ending, expires_at } };
    this.changed.emit();
  }
}

class Document {
  isDisposed = false;
  model = { dirty: true, readOnly: false };
  readonly saveState = new Signal<this, string>(this);
  save = jest.fn(async () => {
    await null;
    this.model.dirty = false;
  });
  constructor(readonly path = 'a.ipynb') {}
}

let login: Login;
let documents: Document[];

const shown = () => document.querySelector('.jp-totp-Notice')?.textContent ?? '';

beforeEach(() => {
  jest.useFakeTimers({ now: new Date('2026-11-28T12:00:00Z') });
  login = new Login();
  documents = [new Document()];
  new Farewell(login as any, () => documents as any, trans);
});

afterEach(() => {
  login.stopsIn(null);
  jest.useRealTimers();
});

test('nothing is saved and nothing said while the server goes on', async () => {
  login.changed.emit();
  await pass(10_000);
  expect(documents[0].save).not.toHaveBeenCalled();
  expect(shown()).toBe('');
});

test('every unsaved document is saved once, and the notice counts down', async () => {
  const [one, clean, readOnly] = (documents = [new Document(), new Document(), new Document()]);
  clean.model.dirty = false;
  readOnly.model.readOnly = true;
  login.stopsIn(20_000);
  expect(shown()).toContain('This server stops in 20 seconds. Your documents are being saved.');
  await pass(5000);
  login.changed.emit();
  expect(documents.map(each => each.save.mock.calls.length)).toEqual([1, 0, 0]);
  expect(one.model.dirty).toBe(false);
  expect(shown()).toContain('This server stops in 15 seconds. Your documents are saved.');
  await pass(20_000);
  expect(shown()).toContain('This server stops now.');
});

test('what is typed afterwards is saved as well', async () => {
  login.stopsIn(20_000);
  await pass(100);
  documents[0].model.dirty = true;
  await pass(2000);
  expect(documents[0].save).toHaveBeenCalledTimes(2);
});

test('a save that is under way is not begun again, one that failed is named and not tried again', async () => {
  const [slow, failed, cancelled] = (documents = [new Document(), new Document('b.txt'), new Document('c.md')]);
  slow.save.mockReturnValue(new Promise(() => undefined));
  failed.save.mockImplementation(async () => failed.saveState.emit('failed'));
  cancelled.save.mockRejectedValue(new Error('Cancel'));
  login.stopsIn(20_000);
  await pass(9000);
  expect(documents.map(each => each.save.mock.calls.length)).toEqual([1, 1, 1]);
  expect(shown()).toContain('Could not be saved: b.txt, c.md.');
});

test('a notice that was closed stays closed, and documents are saved on', async () => {
  login.stopsIn(20_000);
  document.querySelector<HTMLButtonElement>('.jp-totp-Notice button')!.click();
  expect(shown()).toBe('');
  await pass(100);
  documents[0].model.dirty = true;
  login.changed.emit();
  await pass(3000);
  expect(shown()).toBe('');
  expect(documents[0].save).toHaveBeenCalledTimes(2);
});

test.each(['another server answers', 'the login is over'])('it is over when %s', async how => {
  login.stopsIn(20_000);
  await pass(100);
  documents[0].model.dirty = true;
  if (how === 'the login is over') {
    login.state = 'signed-out';
    login.changed.emit();
  } else {
    login.stopsIn(null);
  }
  expect(shown()).toBe('');
  await pass(5000);
  expect(documents[0].save).toHaveBeenCalledTimes(1);
});

test('documents are found by their shape, wherever they are, each once', () => {
  const one = new Document();
  const areas: Record<string, unknown[]> = {
    main: [{ context: one }, { context: one }, {}, { context: { save: 1 } }],
    right: [{ context: documents[0] }]
  };
  const widgets = (area: string) => {
    if (area === 'header') {
      throw new Error('no such area');
    }
    return (areas[area] ?? [])[Symbol.iterator]();
  };
  expect([...openDocuments({ shell: { widgets } } as any)]).toEqual([one, documents[0]]);
});

// -- a login that is ended after a grace --

test('before an administrator ends the login everything is saved, and the notice counts down', async () => {
  login.endsIn(60_000);
  expect(shown()).toContain('This login is about to end');
  expect(shown()).toContain('An administrator ends this login in 60 seconds. Your documents are being saved.');
  await pass(5000);
  expect(documents[0].save).toHaveBeenCalledTimes(1);
  expect(shown()).toContain('An administrator ends this login in 55 seconds. Your documents are saved.');
  await pass(56_000);
  expect(shown()).toContain('An administrator ends this login now.');
});

test('a login that the person has ended elsewhere says so', () => {
  login.endsIn(10_000, 'ended-elsewhere');
  expect(shown()).toContain('You have ended this login elsewhere: it is over in 10 seconds.');
});

test('a login with its own end is left alone', async () => {
  login.me = { ...ADA, login: { ...ADA.login, expires_at: new Date(Date.now() + 30_000).toISOString() } };
  login.changed.emit();
  await pass(10_000);
  expect(documents[0].save).not.toHaveBeenCalled();
  expect(shown()).toBe('');
});

test('of two ends the nearer one is told, also where the other was closed', async () => {
  login.stopsIn(60_000);
  document.querySelector<HTMLButtonElement>('.jp-totp-Notice button')!.click();
  expect(shown()).toBe('');
  login.endsIn(20_000);
  expect(shown()).toContain('An administrator ends this login in 20 seconds.');
  expect(document.querySelectorAll('.jp-totp-Notice')).toHaveLength(1);
});

test('when the login is over nothing is saved any more', async () => {
  login.endsIn(5000);
  await pass(5000);
  login.state = 'signed-out';
  login.changed.emit();
  documents[0].model.dirty = true;
  await pass(10_000);
  expect(documents[0].save).toHaveBeenCalledTimes(1);
  expect(shown()).toBe('');
});
