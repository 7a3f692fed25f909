import { JupyterFrontEnd } from '@jupyterlab/application';

import { allWidgets } from './documents';

/** What has a socket that was closed with the login: a kernel's connection, a terminal's. */
interface IReconnects {
  reconnect(): Promise<void>;
  isDisposed: boolean;
}

/**
 * Open the sockets of kernels and terminals again, after a new login.
 *
 * The server closed them with 1001, and at that code JupyterLab's connections do not try again by themselves.
 * The server has kept what the kernels said meanwhile, and sends it to the same connection.
 */
export async function reconnect(app: JupyterFrontEnd): Promise<void> {
  const found = new Set<IReconnects>();
  for (const widget of allWidgets(app)) {
    for (const connection of connectionsOf(widget)) {
      found.add(connection);
    }
  }
  await Promise.allSettled(
    [...found].filter(one => !one.isDisposed).map(one => one.reconnect())
  );
  const { kernels, sessions, terminals } = app.serviceManager;
  const managers = [kernels, sessions, ...(terminals.isAvailable() ? [terminals] : [])];
  await Promise.allSettled(managers.map(manager => manager.refreshRunning()));
}

/** The same for the terminals alone: their sockets were refused, and JupyterLab's own tries may be used up. */
export async function reconnectTerminals(app: JupyterFrontEnd): Promise<void> {
  const found = [...allWidgets(app)].map((widget: any) => widget?.content?.session);
  const lost = found.filter(one => typeof one?.reconnect === 'function' && one.connectionStatus !== 'connected');
  await Promise.allSettled(lost.filter(one => !one.isDisposed).map(one => one.reconnect()));
}

/** By shape, not by class: notebooks, consoles, files and terminals, and whatever other extensions make alike. */
function* connectionsOf(widget: any): Generator<IReconnects> {
  const contexts = [widget?.sessionContext, widget?.context?.sessionContext, widget?.content?.sessionContext];
  const kernels = contexts.map(context => context?.session?.kernel);
  for (const one of [...kernels, widget?.content?.session, widget?.session]) {
    if (typeof one?.reconnect === 'function') {
      yield one;
    }
  }
}
