import { TranslationBundle } from '@jupyterlab/translation';

const BROWSERS: [RegExp, string][] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\b(OPR|Opera)\//, 'Opera'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chromium)\//, 'Chromium'],
  [/\b(Chrome|CriOS)\//, 'Chrome'],
  [/\bVersion\/[\d.]+.*Safari\//, 'Safari'],
  [/^curl\//, 'curl'],
  [/^python-requests\//, 'Python'],
  [/^jupyter-totp\b/, 'jupyter totp']
];
const SYSTEMS: [RegExp, string][] = [
  [/\b(iPhone|iPad|iPod)\b/, 'iOS'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux']
];

const first = (table: [RegExp, string][], text: string) => table.find(([pattern]) => pattern.test(text))?.[1];

/** A browser and its system in words: what it says of itself, so a hint and no proof. */
export function browserOf(trans: TranslationBundle, userAgent: string): string {
  const browser = first(BROWSERS, userAgent);
  const system = first(SYSTEMS, userAgent);
  if (browser && system) {
    return trans.__('%1 on %2', browser, system);
  }
  return browser ?? system ?? trans.__('An unknown program');
}

/** A moment in the reader's own time zone and language. */
export function when(trans: TranslationBundle, time: string | null): string {
  if (time === null) {
    return trans.__('never');
  }
  return new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** How long ago, roughly. */
export function ago(trans: TranslationBundle, time: string | null, now: number): string {
  if (time === null) {
    return trans.__('never');
  }
  const minutes = Math.floor((now - Date.parse(time)) / 60_000);
  if (minutes < 2) {
    return trans.__('just now');
  }
  if (minutes < 120) {
    return trans.__('%1 minutes ago', minutes);
  }
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? trans.__('%1 hours ago', hours) : trans.__('%1 days ago', Math.floor(hours / 24));
}

/** What happened, as its owner would say it; the word itself where there is no sentence for it. */
export function eventOf(trans: TranslationBundle, event: string): string {
  const sentences: Record<string, string> = {
    'account-added': trans.__('The account was added'),
    'account-disabled': trans.__('The account was disabled'),
    'account-enabled': trans.__('The account was enabled again'),
    'authenticator-added': trans.__('A phone was added'),
    'authenticator-begun': trans.__('A phone was about to be added'),
    'authenticator-denied': trans.__('A wrong code for a new phone'),
    'authenticator-removed': trans.__('A phone was removed'),
    'authenticator-renamed': trans.__('A phone got another name'),
    'cell-run': trans.__('Code was run'),
    'code-replayed': trans.__('A code was used a second time, and refused'),
    'enrolled': trans.__('The account was set up with a phone'),
    'enrollment-code': trans.__('An enrollment link was made'),
    'enrollment-denied': trans.__('Setting up failed'),
    'expiry-changed': trans.__('The account ends at another time'),
    'factor-reset': trans.__('The second factor was reset by an administrator'),
    'first-factor-denied': trans.__('A wrong password'),
    'first-factor-passed': trans.__('The password was right'),
    'kernel-restarted': trans.__('A kernel was restarted'),
    'kernel-started': trans.__('A kernel was started'),
    'kernel-stopped': trans.__('A kernel was shut down'),
    'login': trans.__('Signed in'),
    'login-ended': trans.__('A login was ended'),
    'login-locked': trans.__('A login was locked'),
    'login-unlocked': trans.__('A login was unlocked'),
    'logins-ended': trans.__('Logins were ended'),
    'login-ending': trans.__('A login was given a short time, then it ends'),
    'logins-ending': trans.__('Logins were given a short time, then they end'),
    'notice-sent': trans.__('A notice was sent to everybody'),
    'notice-withdrawn': trans.__('A notice was taken back'),
    'password-set': trans.__('A new password'),
    'profile-changed': trans.__('Name, initials or colour were changed'),
    'recovery-code-used': trans.__('A recovery code was used'),
    'recovery-codes-made': trans.__('New recovery codes'),
    'role-changed': trans.__('Another role'),
    'terminal-closed': trans.__('A terminal was closed'),
    'terminal-opened': trans.__('A terminal was opened'),
    'terminal-started': trans.__('A terminal was started'),
    'terminals-changed': trans.__('Terminals allowed or not'),
    'second-factor-denied': trans.__('A wrong code'),
    'step-up': trans.__('Password and code were confirmed'),
    'step-up-denied': trans.__('Password or code were not confirmed'),
    'token-made': trans.__('An access token was made'),
    'token-revoked': trans.__('An access token was revoked'),
    'unlock-denied': trans.__('Unlocking failed'),
    'unlocked': trans.__('Failed tries were forgiven by an administrator')
  };
  return sentences[event] ?? event;
}

/** Whether somebody should look twice. */
export function isAlarming(event: string): boolean {
  return /-denied$|^code-replayed$|^recovery-code-used$|^factor-reset$/.test(event);
}
