import { reconnect, reconnectTerminals } from '../src/session/reconnect';

const connection = (isDisposed = false) => ({ isDisposed, reconnect: jest.fn(async () => undefined) });
const manager = () => ({ refreshRunning: jest.fn(async () => undefined), isAvailable: () => true });

test('every socket of a kernel or a terminal is opened again, once, whoever shows it', async () => {
  const [kernel, console_, terminal, gone, broken] = [connection(), connection(), connection(), connection(true), connection()];
  broken.reconnect.mockRejectedValue(new Error('dead'));
  const main = [
    { sessionContext: { session: { kernel } }, context: { sessionContext: { session: { kernel } } } },
    { content: { sessionContext: { session: { kernel: console_ } } } },
    { content: { session: terminal } },
    { content: { session: gone } },
    { session: broken },
    { sessionContext: { session: null }, content: null },
    null
  ];
  const serviceManager = { kernels: manager(), sessions: manager(), terminals: manager() };
  const widgets = (area: string) => {
    if (area === 'header') {
      throw new Error('no such area');
    }
    return area === 'main' ? main : [];
  };
  await reconnect({ shell: { widgets }, serviceManager } as any);
  for (const one of [kernel, console_, terminal, broken]) {
    expect(one.reconnect).toHaveBeenCalledTimes(1);
  }
  expect(gone.reconnect).not.toHaveBeenCalled();
  expect(serviceManager.sessions.refreshRunning).toHaveBeenCalled();
});

test('of the terminals only the lost ones are opened again, and no kernel', async () => {
  const [kernel, lost, fine, gone] = [connection(), connection(), connection(), connection(true)];
  Object.assign(fine, { connectionStatus: 'connected' });
  const main = [
    { content: { sessionContext: { session: { kernel } } } },
    ...[lost, fine, gone].map(session => ({ content: { session } }))
  ];
  await reconnectTerminals({ shell: { widgets: (area: string) => (area === 'main' ? main : []) } } as any);
  expect([kernel, lost, fine, gone].map(one => one.reconnect.mock.calls.length)).toEqual([0, 1, 0, 0]);
});
