import { IMe } from '../src/api';
import { keepIdentity } from '../src/session/identity';
import { holdShared } from '../src/session/shared';
import { ADA } from './harness';

/** As much of a Lumino signal as is used. */
class Fake {
  private readonly slots: (() => void)[] = [];
  connect = (slot: () => void) => void this.slots.push(slot);
  disconnect = (slot: () => void) => void this.slots.splice(this.slots.indexOf(slot), 1);
  emit = () => [...this.slots].forEach(slot => slot());
}

class Cell {
  written: boolean[] = [];
  syncEditable = true;
  private _readOnly = false;
  get readOnly(): boolean {
    return this._readOnly;
  }
  set readOnly(on: boolean) {
    this._readOnly = on;
    this.syncEditable && this.written.push(on);
  }
}

class Model {
  done: string[] = [];
  transact(work: () => void): void {
    work();
  }
}

/** As JupyterLab's context: what it knows of the file is a getter of its class. */
class Context {
  ready = Promise.resolve();
  model: { collaborative: boolean; sharedModel: Model };
  constructor(collaborative: boolean) {
    this.model = { collaborative, sharedModel: new Model() };
  }
  get contentsModel(): { path: string; writable: boolean } {
    return { path: 'a', writable: true };
  }
}

function notebook(collaborative = true) {
  const changed = new Fake();
  const content = { widgets: [new Cell()], model: { cells: { changed } } };
  return { isDisposed: false, context: new Context(collaborative), content };
}

function lab(role: IMe['role'], ...widgets: unknown[]) {
  const [changed, currentChanged] = [new Fake(), new Fake()];
  const login = { me: { ...ADA, role }, changed };
  const app = {
    restored: Promise.resolve(),
    shell: { currentChanged, widgets: (area: string) => (area === 'main' ? widgets : []) }
  };
  const told = jest.fn();
  holdShared(app as any, login as any, told);
  const become = async (now: IMe['role']) => {
    login.me.role = now;
    changed.emit();
    await settled();
  };
  return { become, look: currentChanged.emit, told };
}

const settled = () => new Promise(resolve => setTimeout(resolve, 1));

test('a shared notebook of a reader stands still, new cells too, and nothing is written of that', async () => {
  const shown = notebook();
  lab('reader', shown);
  await settled();
  const { widgets, model } = shown.content;
  const added = new Cell();
  widgets.push(added);
  model.cells.changed.emit();
  expect(widgets.map(cell => cell.readOnly)).toEqual([true, true]);
  expect([...widgets[0].written, ...added.written]).toEqual([]);
  const { sharedModel } = shown.context.model;
  sharedModel.transact(() => sharedModel.done.push('a cell'));
  expect(sharedModel.done).toEqual([]);
  expect(shown.context.contentsModel).toEqual({ path: 'a', writable: false });
});

test('a shared file of a reader has an editor that takes nothing', async () => {
  const setOption = jest.fn();
  const shown = { isDisposed: false, context: new Context(true), content: { editor: { setOption } } };
  lab('reader', shown);
  await settled();
  expect(setOption.mock.calls).toEqual([['readOnly', true]]);
  const { sharedModel } = shown.context.model;
  sharedModel.transact(() => sharedModel.done.push('replaced'));
  expect(sharedModel.done).toEqual([]);
});

test('a document that is not shared, and whatever is no document, stays as it is', async () => {
  const shown = notebook(false);
  lab('reader', shown, {}, { context: {} });
  await settled();
  expect(shown.content.widgets[0].readOnly).toBe(false);
  expect(shown.context.contentsModel.writable).toBe(true);
});

test('a member who becomes a reader is told once, and has everything back afterwards', async () => {
  const shown = notebook();
  const { become, told } = lab('member', shown);
  await become('member');
  expect(shown.content.widgets[0].readOnly).toBe(false);
  await become('reader');
  await become('reader');
  expect(shown.content.widgets[0].readOnly).toBe(true);
  expect(told).toHaveBeenCalledTimes(1);
  await become('member');
  const { sharedModel } = shown.context.model;
  sharedModel.transact(() => sharedModel.done.push('a cell'));
  expect(sharedModel.done).toEqual(['a cell']);
  expect(shown.content.widgets[0]).toMatchObject({ readOnly: false, syncEditable: true });
  expect(shown.context.contentsModel.writable).toBe(true);
});

test('a reader who comes is not told; one document that is opened later is held as well', async () => {
  const widgets = [notebook()];
  const { become, look, told } = lab('reader', ...widgets);
  await become('reader');
  expect(told).not.toHaveBeenCalled();
  const gone = widgets[0];
  gone.isDisposed = true;
  look();
  await settled();
  expect(gone.content.widgets[0].readOnly).toBe(true);
});

function identity(known: Partial<IMe> | null, me: Partial<IMe> | null) {
  const changed = new Fake();
  const user = { identity: known && { ...ADA, ...known }, refreshUser: jest.fn().mockResolvedValue(undefined) };
  keepIdentity({ serviceManager: { user } } as any, { me: me && { ...ADA, ...me }, changed } as any);
  changed.emit();
  return user.refreshUser;
}

test.each([
  ['a name', { display_name: 'Countess' }, 1],
  ['a colour', { color: '#000000' }, 1],
  ['initials', { initials: 'AL' }, 1],
  ['nothing', {}, 0],
  ['initials that are not there, for which JupyterLab has some', { initials: '' }, 0],
  ['the person', { username: 'bob', display_name: 'Bob' }, 0]
])('%s that is another: JupyterLab looks so many times', (_, me, times) => {
  expect(identity({}, me)).toHaveBeenCalledTimes(times);
});

test('nobody is looked for where nobody is known', () => {
  expect(identity(null, {})).not.toHaveBeenCalled();
  expect(identity({}, null)).not.toHaveBeenCalled();
});
