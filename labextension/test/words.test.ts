import { addAll, endOf, readPeople } from '../src/panel/people_list';
import { ApiError, Cancelled } from '../src/request';
import { ago, browserOf, eventOf, isAlarming, when } from '../src/words';
import { trans } from './harness';

const MOZILLA = 'Mozilla/5.0';

test.each([
  [`${MOZILLA} (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36`, 'Chrome on Linux'],
  [`${MOZILLA} (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0`, 'Edge on Windows'],
  [`${MOZILLA} (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1 Version/18.1 Safari/605.1`, 'Safari on macOS'],
  [`${MOZILLA} (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile Safari/604.1`, 'Safari on iOS'],
  [`${MOZILLA} (Android 15; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0`, 'Firefox on Android'],
  ['curl/8.5.0', 'curl'],
  ['', 'An unknown program'],
  ['<img src=x onerror=alert(1)>', 'An unknown program']
])('%s', (userAgent, words) => {
  expect(browserOf(trans, userAgent)).toBe(words);
});

test('how long ago', () => {
  const now = Date.parse('2026-11-28T12:00:00Z');
  const said = (time: string | null) => ago(trans, time, now);
  expect(said(null)).toBe('never');
  expect(said('2026-11-28T12:00:30Z')).toBe('just now'); // its clock is ahead
  expect(said('2026-11-28T11:50:00Z')).toBe('10 minutes ago');
  expect(said('2026-11-28T09:00:00Z')).toBe('3 hours ago');
  expect(said('2026-11-18T09:00:00Z')).toBe('10 days ago');
  expect(when(trans, null)).toBe('never');
  expect(when(trans, '2026-11-28T12:00:00Z')).toContain('2026');
});

test('what happened, and what should be looked at', () => {
  expect(eventOf(trans, 'login')).toBe('Signed in');
  expect(eventOf(trans, 'of-a-later-version')).toBe('of-a-later-version');
  expect(['unlock-denied', 'factor-reset', 'code-replayed'].every(isAlarming)).toBe(true);
  expect(['login', 'login-ended'].some(isAlarming)).toBe(false);
});

test('people from a file', () => {
  const text = '\uFEFFUsername,display_name,role,expires_at\r\nada,"Lovelace, ""Ada""",admin,2027-01-31\r\n\r\nbob,,,\r\n';
  expect(readPeople(trans, text)).toEqual([
    { username: 'ada', display_name: 'Lovelace, "Ada"', role: 'admin', expires_at: '2027-01-31T23:59:59Z' },
    { username: 'bob', role: 'member' }
  ]);
  expect(readPeople(trans, 'username;role\nada;reader')).toEqual([{ username: 'ada', role: 'reader' }]);
});

test.each([
  ['', 'name the columns'],
  ['ada\nbob', 'name the columns'],
  ['username,password\nada,secret', 'name the columns'],
  ['username,role\n,admin', 'Line 2'],
  ['username\n\nada,admin', 'Line 3'],
  [`username\n${'a\n'.repeat(501)}`, 'At most 500']
])('what cannot be read adds nobody', (text, words) => {
  expect(() => readPeople(trans, text)).toThrow(words);
});

describe('adding several', () => {
  const people = ['ada', 'bob', 'eve'].map(username => ({ username, role: 'member' }));

  test('a name that is taken does not stop the rest', async () => {
    const add = jest.fn(async (person: any) => {
      if (person.username === 'bob') {
        throw new ApiError(409, 'exists', 'There is one.');
      }
      return person;
    });
    expect(await addAll(people, add)).toEqual({ made: [people[0], people[2]], failed: ['bob: There is one.'] });
  });

  test('what was made is kept when the server goes away', async () => {
    const add = jest.fn().mockResolvedValueOnce(people[0]).mockRejectedValue(new ApiError(0, 'offline', 'Away.'));
    expect(await addAll(people, add)).toEqual({ made: [people[0]], failed: ['bob: Away.'] });
    expect(add).toHaveBeenCalledTimes(2);
  });

  test('who cancels at once has added nobody', async () => {
    await expect(addAll(people, jest.fn().mockRejectedValue(new Cancelled()))).rejects.toBeInstanceOf(Cancelled);
  });
});

test('an account ends with its day, or never', () => {
  expect([endOf('2027-01-31'), endOf('')]).toEqual(['2027-01-31T23:59:59Z', null]);
});
