import { LoginMonitor } from './monitor';

/** JupyterLab's own word, by which its polls and its autosave rest: `JupyterLab.IInfo`. */
export interface IConnected {
  isConnected: boolean;
}

/**
 * While the page is covered, JupyterLab begins nothing by itself.
 *
 * An autosave would be held like any request. But it begins one more every two minutes: all of them would go on at
 * once afterwards, each finding the file changed by another; and it takes ten times as long as the last one took
 * until the next, so it would not save for hours.
 */
export function restWhileCovered(monitor: LoginMonitor, info: IConnected): void {
  let covered = false;
  monitor.changed.connect(() => {
    if ((monitor.state !== 'open') !== covered) {
      covered = !covered;
      info.isConnected = !covered;
    }
  });
}
