import { TranslationBundle } from '@jupyterlab/translation';

import { IInvitation, INewAccount } from '../api';
import { ApiError } from '../request';

export const COLUMNS = ['username', 'role', 'display_name', 'expires_at'];
const MOST = 500;

/**
 * The people of a CSV file: a heading with `username`, and maybe `role`, `display_name`, `expires_at`.
 *
 * Throws with the line that cannot be read; nobody is added then.
 */
export function readPeople(trans: TranslationBundle, text: string): INewAccount[] {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line, index) => ({ number: index + 1, cells: cellsOf(line) }))
    .filter(({ cells }) => cells.some(cell => cell !== ''));
  const heading = lines.shift()?.cells.map(cell => cell.toLowerCase()) ?? [];
  const unknown = heading.filter(column => !COLUMNS.includes(column));
  if (!heading.includes('username') || unknown.length > 0) {
    throw new Error(trans.__('The first line has to name the columns: %1.', COLUMNS.join(', ')));
  }
  if (lines.length > MOST) {
    throw new Error(trans.__('At most %1 people at once.', MOST));
  }
  return lines.map(({ number, cells }) => {
    const person = Object.fromEntries(heading.map((column, at) => [column, cells[at] ?? '']));
    if (!person.username || cells.length > heading.length) {
      throw new Error(trans.__('Line %1 cannot be read.', number));
    }
    const account: INewAccount = { username: person.username, role: person.role || 'member' };
    if (person.display_name) {
      account.display_name = person.display_name;
    }
    if (person.expires_at) {
      account.expires_at = person.expires_at.length === 10 ? endOf(person.expires_at) : person.expires_at;
    }
    return account;
  });
}

/** The last second of a day, as `2027-01-31`; null for the empty text: no end. */
export function endOf(day: string): string | null {
  return day ? `${day}T23:59:59Z` : null;
}

/**
 * Add one after the other. Who cannot be added (a name that is taken) does not stop the rest; anything else
 * (offline, a step-up that was cancelled) does, and those after it are not tried.
 */
export async function addAll(
  people: INewAccount[],
  add: (person: INewAccount) => Promise<IInvitation>
): Promise<{ made: IInvitation[]; failed: string[] }> {
  const made: IInvitation[] = [];
  const failed: string[] = [];
  for (const person of people) {
    try {
      made.push(await add(person));
    } catch (error) {
      if (error instanceof ApiError && [400, 409].includes(error.status)) {
        failed.push(`${person.username}: ${error.message}`);
      } else if (made.length === 0) {
        throw error;
      } else {
        failed.push(`${person.username}: ${error instanceof Error ? error.message : error}`);
        break;
      }
    }
  }
  return { made, failed };
}

/** The cells of a line: commas or semicolons, quotes doubled inside quotes (RFC 4180). */
function cellsOf(line: string): string[] {
  const separator = line.includes(';') && !line.includes(',') ? ';' : ',';
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    const sign = line[at];
    if (quoted && sign === '"' && line[at + 1] === '"') {
      cell += '"';
      at++;
    } else if (sign === '"') {
      quoted = !quoted;
    } else if (sign === separator && !quoted) {
      cells.push(cell.trim());
      cell = '';
    } else {
      cell += sign;
    }
  }
  return [...cells, cell.trim()];
}
