import { Signal } from '@lumino/signaling';

import { INotice } from '../src/api';
import { Notices } from '../src/session/notices';
import { ADA, pass, trans } from './harness';

class Login {
  state = 'open';
  me: any = { ...ADA };
  readonly changed = new Signal<any, void>(this);

  tells(...notices: INotice[]): void {
    this.me = { ...this.me, notices };
    this.changed.emit();
  }
}

let numbers = 0;

const notice = (message: string, lasts = 3600_000): INotice => ({
  id: `${++numbers}`,
  message,
  sender: 'Grace',
  sent_at: new Date(Date.now()).toISOString(),
  expires_at: new Date(Date.now() + lasts).toISOString()
});

const area = () => document.querySelector<HTMLElement>('.jp-totp-News')!;
const shown = () => [...area().children].map(node => node.querySelector('p:not(.jp-totp-News-from)')!.textContent);
const closeFirst = () => area().querySelector<HTMLButtonElement>('button')!.click();

let login: Login;

beforeEach(() => {
  jest.useFakeTimers({ now: new Date('2026-11-28T12:00:00Z') });
  window.localStorage.clear();
  document.body.replaceChildren();
  login = new Login();
  new Notices(login as any, trans);
});

afterEach(() => jest.useRealTimers());

test('what is told is shown, the newest on top, with who says it', () => {
  const [first, second] = [notice('first'), notice('second')];
  login.tells(first);
  login.tells(second, first);
  expect(shown()).toEqual(['second', 'first']);
  expect(area().textContent).toContain('Grace');
  login.tells({ ...notice('third'), sender: null });
  expect(area().textContent).toContain('The operator of this server');
});

test('it is text and nothing else', () => {
  login.tells({ ...notice('<img src=x onerror=alert(1)> https://x.example'), sender: '<b>Eve</b>' });
  expect(area().querySelectorAll('img, a, b')).toHaveLength(0);
  expect(shown()).toEqual(['<img src=x onerror=alert(1)> https://x.example']);
});

test('it takes no focus, and a screen reader is told in an area that was there before', () => {
  const editor = document.createElement('textarea');
  document.body.append(editor);
  editor.focus();
  expect(area().getAttribute('role')).toBe('status');
  login.tells(notice('x'));
  expect(document.activeElement).toBe(editor);
  const button = area().querySelector('button')!;
  button.dispatchEvent(new FocusEvent('focusin', { bubbles: true, relatedTarget: editor }));
  button.focus();
  button.click();
  expect(document.activeElement).toBe(editor);
  expect(shown()).toEqual([]);
});

test('one that was closed does not come back, also after a reload', () => {
  const one = notice('x');
  login.tells(one);
  closeFirst();
  login.tells(one);
  expect(shown()).toEqual([]);
  document.body.replaceChildren();
  new Notices(login as any, trans);
  expect(shown()).toEqual([]);
});

test('closed in one tab it is closed in the others', () => {
  const one = notice('x');
  login.tells(one);
  window.localStorage.setItem('jupyter-totp-auth:closed-notices', JSON.stringify([`ada:${one.id}`]));
  window.dispatchEvent(new Event('storage'));
  expect(shown()).toEqual([]);
});

test('whoever signs in next in this browser sees it', () => {
  const one = notice('x');
  login.tells(one);
  closeFirst();
  login.me = { ...login.me, username: 'bob' };
  login.tells(one);
  expect(shown()).toEqual(['x']);
});

test('where the browser keeps nothing, it stays closed as long as the page', () => {
  jest.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
    throw new Error('forbidden');
  });
  const one = notice('x');
  login.tells(one);
  closeFirst();
  login.tells(one);
  expect(shown()).toEqual([]);
});

test('rubbish in the browser does no harm', () => {
  window.localStorage.setItem('jupyter-totp-auth:closed-notices', '{"a": [');
  login.tells(notice('x'));
  expect(shown()).toEqual(['x']);
});

test('one that is withdrawn, or over, goes away by itself', async () => {
  const [short, long] = [notice('short', 5000), notice('long')];
  login.tells(long, short);
  await pass(4000);
  expect(shown()).toEqual(['long', 'short']);
  await pass(1500);
  expect(shown()).toEqual(['long']);
  login.tells();
  expect(shown()).toEqual([]);
});

test('nothing is shown behind the cover', () => {
  login.tells(notice('x'));
  login.state = 'locked';
  login.changed.emit();
  expect(shown()).toEqual([]);
  login.state = 'open';
  login.changed.emit();
  expect(shown()).toEqual(['x']);
});
