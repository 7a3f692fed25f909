import { Signal } from '@lumino/signaling';

import { Owners } from '../src/running/owners';
import { Server, trans } from './harness';

const owner = (display_name: string, mine = false) => ({
  username: display_name.toLowerCase(),
  display_name,
  initials: display_name[0],
  color: 'red',
  mine
});

let server: Server;

beforeEach(() => {
  server = new Server();
  server.on('GET running', [
    200,
    { kernels: [{ id: 'k-1', ...owner('Ada') }], terminals: [{ name: '1', ...owner('Bob', true) }] }
  ]);
});

/** JupyterLab's sections, as far as they are looked at. */
class Managers {
  readonly added = new Signal<any, any>(this);
  constructor(readonly managers: any[]) {}
  items() {
    return this.managers;
  }
}

const section = (items: () => any[]) => ({ running: () => items() });
const shell = (name: string) => ({ label: () => `terminals/${name}` });
const kernel = (id: string) => ({ className: 'jp-mod-kernel', context: id, label: () => 'a.ipynb' });
const settle = () => new Promise(resolve => setTimeout(resolve, 20));

test('what runs is named, in a tree as well; tabs, files and groups are left alone', async () => {
  const tab = { label: () => 'Launcher', className: 'jp-mod-tab', context: 'k-1' };
  const spec = { label: () => 'Python 3', children: [kernel('k-1')] };
  const kernels = section(() => [spec]);
  const others = section(() => [shell('1'), shell('2'), tab]);
  const owners = new Owners(new Managers([kernels]) as any, trans);
  const late = new Managers([]);
  new Owners(late as any, trans);
  late.added.emit(others);

  const [group] = kernels.running();
  expect(group.label()).toBe('Python 3');
  expect((group.children[0].label() as any).props.name).toBe('kernel k-1');
  const [one, two, launcher] = others.running();
  expect([one, two].map(item => (item.label() as any).props.name)).toEqual(['terminal 1', 'terminal 2']);
  expect(launcher.label()).toBe('Launcher');
  await settle();
  expect(owners.of('kernel k-1')?.display_name).toBe('Ada');
  expect(owners.of('terminal 1')?.mine).toBe(true);
  expect(owners.of('terminal 2')).toBeUndefined();
});

test('it is asked once for a list, again for another one, and never for an empty one', async () => {
  let items: any[] = [];
  const manager = section(() => items);
  new Owners(new Managers([manager]) as any, trans);
  const list = async () => {
    manager.running();
    await settle();
    return server.times('GET running');
  };
  expect(await list()).toBe(0);
  items = [shell('1')];
  expect(await list()).toBe(1);
  items = [shell('1')];
  expect(await list()).toBe(1);
  items = [shell('1'), shell('2')];
  manager.running();
  items = [shell('2')];
  expect(await list()).toBe(3);
});

test('where it cannot be asked nothing is shown, and the next list asks again', async () => {
  server.on('GET running', new Error('away'));
  const manager = section(() => [shell('1')]);
  const owners = new Owners(new Managers([manager]) as any, trans);
  manager.running();
  await settle();
  expect(owners.of('terminal 1')).toBeUndefined();
  server.on('GET running', [200, { kernels: [], terminals: [{ name: '1', ...owner('Bob') }] }]);
  manager.running();
  await settle();
  expect(owners.of('terminal 1')?.display_name).toBe('Bob');
});
