import { Signal } from '@lumino/signaling';

import { restWhileCovered } from '../src/session/rest';

test('JupyterLab begins nothing by itself while the page is covered, and what others said of it stands', () => {
  const monitor = { state: 'open', changed: null as any };
  const changed = (monitor.changed = new Signal<typeof monitor, void>(monitor));
  const info = { isConnected: true };
  restWhileCovered(monitor as any, info);
  const seen = ['open', 'locked', 'signed-out', 'open'].map(state => {
    monitor.state = state;
    changed.emit();
    return info.isConnected;
  });
  expect(seen).toEqual([true, false, false, true]);
  info.isConnected = false; // as where the hub's own dialog is open
  changed.emit();
  expect(info.isConnected).toBe(false);
});
