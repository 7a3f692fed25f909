// What VS Code's Jupyter extension asks for when a person gives it a URL, in its order (its userServerUrlProvider.ts,
// jupyterPasswordConnect.ts, jupyterUtils.ts), and then a cell. Prints one line of JSON.
// The URL comes on standard input, with the token in it; a second line is what the person types as the password.
const http = require('node:http');
const { KernelManager, KernelSpecManager, KernelAPI, ServerConnection, SessionManager } = require('@jupyterlab/services');
const WebSocket = require('ws');

// As node-fetch asks, which says nothing of itself beyond this: no Sec-Fetch-Mode, which Node's own fetch sends.
function ask(url, method = 'GET', headers = {}, body = '') {
  return new Promise((resolve, reject) => {
    const options = { method, headers: { Accept: '*/*', 'User-Agent': 'node-fetch', ...headers } };
    const request = http.request(url, options, answer => {
      let text = '';
      answer.on('data', part => (text += part));
      answer.on('end', () => resolve({ url, status: answer.statusCode, headers: answer.headers, text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const to = (answer, url) => new URL(answer.headers.location, url).toString();
const slashed = url => (url.endsWith('/') ? url : `${url}/`);

async function followed(url) {
  let answer = await ask(url);
  while (answer.headers.location) {
    answer = await ask(to(answer, answer.url));
  }
  return answer;
}

function parsed(typed) {
  const url = new URL(typed.replace(/\/(lab|tree)(\??)$/, ''));
  const path = url.pathname === '/lab' || url.pathname === '/tree' ? '' : url.pathname;
  return { baseUrl: `${url.protocol}//${url.host}${path}`, token: url.searchParams.get('token') || '' };
}

// Where the server begins: what stands before `login?` in a redirect.
async function base(url) {
  if (new URL(url).pathname === '/') {
    return url;
  }
  const answer = await ask(url);
  const login = answer.headers.location ? to(answer, url) : '';
  return login.includes('login?') ? login.substring(0, login.indexOf('login?')) : url;
}

async function needsPassword(url) {
  const answer = await followed(slashed(url));
  if (answer.status === 200 && answer.url.includes('/login?')) {
    return true;
  }
  return (await ask(new URL('tree?', slashed(url)))).status !== 200;
}

const cookiesOf = answer => (answer.headers['set-cookie'] || []).map(line => line.split(';')[0]);

// With no token in the URL: the password form of a stock server.
async function cookieOf(url, password) {
  const login = new URL('login?', slashed(url));
  const pair = cookiesOf(await ask(login)).find(cookie => cookie.startsWith('_xsrf='));
  const xsrf = pair.slice('_xsrf='.length);
  const type = 'application/x-www-form-urlencoded;charset=UTF-8';
  const form = new URLSearchParams({ _xsrf: xsrf, password }).toString();
  const headers = { Cookie: pair, 'Content-Type': type, 'Content-Length': form.length };
  const answer = await ask(login, 'POST', headers, form);
  const session = answer.status === 302 ? cookiesOf(answer)[0] : undefined;
  return session ? { Cookie: `${pair}; ${session}`, 'X-XSRFToken': xsrf } : {};
}

// Its header stands in place of the one that @jupyterlab/services would write; sockets have it, and the URL too.
function settingsOf(baseUrl, token, given) {
  const headers = { ...given, ...(token ? { Authorization: `token ${token}` } : {}) };
  class AuthorizingRequest extends Request {
    constructor(input, init) {
      super(input, init);
      Object.entries(headers).forEach(([name, value]) => this.headers.append(name, value));
      this.headers.set('Content-Type', 'application/json');
      const append = this.headers.append.bind(this.headers);
      this.headers.append = (name, value) => name.toLowerCase() === 'authorization' || append(name, value);
    }
  }
  class JupyterWebSocket extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { headers });
    }
  }
  return ServerConnection.makeSettings({
    baseUrl,
    appUrl: '',
    wsUrl: baseUrl.replace('http', 'ws'),
    ...(token || Object.keys(headers).length ? { token, appendToken: true } : {}),
    init: { cache: 'no-store', credentials: 'same-origin' },
    Request: AuthorizingRequest,
    WebSocket: JupyterWebSocket
  });
}

async function cell(serverSettings) {
  const kernelManager = new KernelManager({ serverSettings });
  const sessionManager = new SessionManager({ serverSettings, kernelManager });
  const path = 'book-jvsc-0b0e6a1c-2c5d-4b7e-9d43-6a1f0c8e5b11.ipynb';
  const options = { path, name: path, type: 'notebook', kernel: { name: 'python3' } };
  const session = await sessionManager.startNew(options, { kernelConnectionOptions: { handleComms: true } });
  let printed = '';
  const future = session.kernel.requestExecute({ code: 'print(6 * 7)' });
  future.onIOPub = message => {
    printed += message.header.msg_type === 'stream' ? message.content.text : '';
  };
  await future.done;
  await session.shutdown();
  return printed.trim();
}

async function main() {
  const [typed, password] = require('node:fs').readFileSync(0, 'utf8').split('\n');
  const found = parsed(typed);
  const baseUrl = await base(found.baseUrl);
  const hub = found.token ? undefined : await ask(new URL('hub/api', slashed(baseUrl)));
  const asked = await needsPassword(baseUrl);
  const headers = found.token ? {} : await cookieOf(baseUrl, password);
  const settings = settingsOf(baseUrl, found.token, headers);
  const said = { baseUrl, asked, hub: hub?.status === 200 };
  try {
    const specs = new KernelSpecManager({ serverSettings: settings });
    await Promise.all([KernelAPI.listRunning(settings), specs.refreshSpecs()]);
    said.ran = await cell(settings);
  } catch (error) {
    said.ran = `refused: ${error.message}`;
  }
  console.log(JSON.stringify(said));
  process.exit(0);
}

main();
