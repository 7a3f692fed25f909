/** Which notices a person has closed in this browser: they do not come back, in no tab and after no reload. */

const KEY = 'jupyter-totp-auth:closed-notices';
const MOST = 50;

/** Where the browser keeps nothing (storage is forbidden, or full): as long as the page. */
let here: string[] = [];

/** By person as well: whoever signs in next in this browser has not seen it. */
const nameOf = (username: string, id: string) => `${username}:${id}`;

export function wasClosed(username: string, id: string): boolean {
  return kept().includes(nameOf(username, id));
}

export function noteClosed(username: string, id: string): void {
  here = [...kept(), nameOf(username, id)].slice(-MOST);
  try {
    window.localStorage.setItem(KEY, JSON.stringify(here));
  } catch {
    // then only here
  }
}

function kept(): string[] {
  try {
    const found: unknown = JSON.parse(window.localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(found) ? [...found.map(String), ...here] : here;
  } catch {
    return here;
  }
}
