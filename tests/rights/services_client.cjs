// What VS Code and other programs in Node.js do with a token: files, a kernel, a cell. Prints one line of JSON.
const { PageConfig } = require('@jupyterlab/coreutils');
const { ContentsManager, KernelManager, ServerConnection, TerminalManager } = require('@jupyterlab/services');

const [baseUrl, token] = process.argv.slice(2);
const serverSettings = ServerConnection.makeSettings({
  baseUrl,
  wsUrl: baseUrl.replace(/^http/, 'ws'),
  token,
  appendToken: true,
});

PageConfig.setOption('terminalsAvailable', 'true');

async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    return `refused: ${error.message}`;
  }
}

async function cell() {
  const manager = new KernelManager({ serverSettings, standby: 'never' });
  const kernel = await manager.startNew({ name: 'python3' });
  let printed = '';
  const future = kernel.requestExecute({ code: 'print(6 * 7)' });
  future.onIOPub = message => {
    printed += message.header.msg_type === 'stream' ? message.content.text : '';
  };
  await future.done;
  await kernel.shutdown();
  manager.dispose();
  return printed.trim();
}

async function main() {
  const contents = new ContentsManager({ serverSettings });
  const read = await attempt(async () => (await contents.get('mine/a.txt')).content);
  const written = await attempt(async () => (await contents.save('mine/b.txt', { type: 'file', format: 'text', content: 'x' })).path);
  const ran = await attempt(cell);
  const shell = await attempt(async () => (await new TerminalManager({ serverSettings, standby: 'never' }).startNew()).name);
  console.log(JSON.stringify({ read, written, ran, shell: shell.startsWith('refused') ? shell : 'open' }));
  process.exit(0);
}

main();
