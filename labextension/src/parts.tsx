/** What forms and lists share: fields, buttons that ask once more, and the states of a list. */
import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IMe } from './api';
import { ApiError, Cancelled, isRefusal } from './request';

/** What an act does; what it returns is said to have been done. */
export type Work = () => Promise<string | void>;

/** What a person does in one place: whether it is under way, what went wrong, what was done. */
export interface IAct {
  busy: boolean;
  problem: string;
  done: string;
  run: (work: Work) => void;
  /** The handler of a form that does it. */
  submit: (work: Work) => (event: React.FormEvent) => void;
}

/** One act at a time; what it throws is shown. */
export function useAct(trans: TranslationBundle): IAct {
  const [busy, setBusy] = React.useState(false);
  const [problem, setProblem] = React.useState('');
  const [done, setDone] = React.useState('');
  const mounted = React.useRef(true);
  React.useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);
  const run = async (now: Work) => {
    setBusy(true);
    setProblem('');
    setDone('');
    try {
      const said = (await now()) ?? '';
      mounted.current && setDone(said);
    } catch (error) {
      mounted.current && setProblem(sentence(trans, error));
    } finally {
      mounted.current && setBusy(false);
    }
  };
  const submit = (work: Work) => (event: React.FormEvent) => {
    event.preventDefault();
    if (!busy) {
      void run(work);
    }
  };
  return { busy, problem, done, run: work => void run(work), submit };
}

/** What to say of an error; nothing where a person only changed their mind, or the page is about to be covered. */
export function sentence(trans: TranslationBundle, error: unknown): string {
  if (error instanceof Cancelled || (error instanceof ApiError && isRefusal(error.reason))) {
    return '';
  }
  if (error instanceof ApiError && error.reason === 'offline') {
    // Not "nothing was changed": the answer may be what got lost.
    return trans.__('The server does not answer. Please look in a moment whether it was done.');
  }
  if (error instanceof ApiError && error.reason === 'unexpected') {
    return trans.__('The server did not answer as it should (%1).', error.message);
  }
  return error instanceof Error ? error.message : String(error);
}

export function Problem({ act }: { act: IAct }): JSX.Element {
  return (
    <>
      <p className="jp-totp-problem" role="alert" hidden={!act.problem}>
        {act.problem}
      </p>
      <p className="jp-totp-done" role="status" hidden={!act.done}>
        {act.done}
      </p>
    </>
  );
}

interface IFieldProps {
  name: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: string;
  type?: string;
  disabled?: boolean;
  autoFocus?: boolean;
  autoComplete?: string;
}

/** A person's initials on their colour: a picture, so nothing for a screen reader. */
export function Face({ me }: { me: Pick<IMe, 'initials' | 'color'> }): JSX.Element {
  return (
    <span className="jp-totp-Badge-face" style={{ backgroundColor: me.color }} aria-hidden="true">
      {me.initials}
    </span>
  );
}

let ids = 0;

/** An id of its own for as long as the component lives (React 18's useId has colons, which selectors do not like). */
export function useId(): string {
  const [id] = React.useState(() => `jp-totp-${++ids}`);
  return id;
}

export function Field(props: IFieldProps): JSX.Element {
  const id = useId();
  const input = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => {
    // Not the attribute: React sets the focus before the cover is in the document.
    props.autoFocus && window.requestAnimationFrame(() => input.current?.focus());
  }, []);
  const isCode = props.name === 'code';
  return (
    <div className="jp-totp-field">
      <label htmlFor={id}>{props.label}</label>
      <input
        ref={input}
        id={id}
        className="jp-mod-styled"
        name={props.name}
        type={props.type ?? 'text'}
        value={props.value}
        disabled={props.disabled}
        autoComplete={props.autoComplete ?? (isCode ? 'one-time-code' : 'off')}
        inputMode={isCode ? 'numeric' : undefined}
        spellCheck={false}
        autoCapitalize={isCode ? 'characters' : 'none'}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        onChange={event => props.onChange(event.target.value)}
      />
      {props.hint && (
        <p className="jp-totp-hint" id={`${id}-hint`}>
          {props.hint}
        </p>
      )}
    </div>
  );
}

interface IPasswordProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: string;
  autoFocus?: boolean;
  isNew?: boolean;
}

export function PasswordField(props: IPasswordProps): JSX.Element {
  return (
    <Field
      name="password"
      type="password"
      autoComplete={props.isNew ? 'new-password' : 'current-password'}
      label={props.label}
      value={props.value}
      onChange={props.onChange}
      hint={props.hint}
      autoFocus={props.autoFocus}
    />
  );
}

interface IButtonProps {
  /** The stable hook of scripts and tests (the contract's `data-totp`). */
  hook?: string;
  onClick: () => void;
  disabled?: boolean;
  danger?: boolean;
  children: React.ReactNode;
  label?: string;
}

export function Button(props: IButtonProps): JSX.Element {
  return (
    <button
      type="button"
      className={props.danger ? 'jp-totp-button jp-totp-danger' : 'jp-totp-button'}
      data-totp={props.hook}
      disabled={props.disabled}
      aria-label={props.label}
      onClick={() => props.onClick()}
    >
      {props.children}
    </button>
  );
}

/** Ask once more before something is taken away. */
export async function sure(
  trans: TranslationBundle,
  title: string,
  body: string,
  label: string
): Promise<boolean> {
  const buttons = [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label })];
  const result = await showDialog({ title, body, buttons });
  return result.button.accept;
}

/** In ms: what is shown once, and that nobody takes, is taken away. */
const SHOWN_FOR = 10 * 60_000;

/** What is shown only now: gone when it is set to null, and after ten minutes, which `onGone` may tell. */
export function useShownOnce<T>(onGone?: () => void): [T | null, (value: T | null) => void] {
  const [shown, setShown] = React.useState<T | null>(null);
  React.useEffect(() => {
    if (shown === null) {
      return undefined;
    }
    const timer = window.setTimeout(() => {
      setShown(null);
      onGone?.();
    }, SHOWN_FOR);
    return () => window.clearTimeout(timer);
  }, [shown]);
  return [shown, setShown];
}

/** What is loaded for a section. */
export interface IResource<T> {
  data: T | null;
  problem: string;
  reload: () => Promise<void>;
}

/** Load, and load anew with each `version`, so that nobody has to: it rises with every change. */
export function useResource<T>(
  trans: TranslationBundle,
  version: number,
  load: () => Promise<T>
): IResource<T> {
  const newest = React.useRef(0);
  const [data, setData] = React.useState<T | null>(null);
  const [problem, setProblem] = React.useState('');
  const mounted = React.useRef(true);
  const reload = React.useCallback(async () => {
    const number = ++newest.current;
    // An answer that was overtaken by a newer one says what is true no more.
    const counts = () => mounted.current && number === newest.current;
    try {
      const loaded = await load();
      if (counts()) {
        setData(loaded);
        setProblem('');
      }
    } catch (error) {
      counts() && setProblem(sentence(trans, error) || trans.__('Not loaded.'));
    }
  }, []);
  React.useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);
  React.useEffect(() => void reload(), [version]);
  return { data, problem, reload };
}

interface ISectionProps<T> {
  trans: TranslationBundle;
  title: string;
  about?: string;
  resource?: IResource<T>;
  /** Said where a list has nothing in it. */
  empty?: string;
  children: React.ReactNode;
}

/** A section of the panel, with its states: loading, not loaded, empty, there. */
export function Section<T>(props: ISectionProps<T>): JSX.Element {
  const { trans, resource } = props;
  const id = useId();
  const isEmpty = Array.isArray(resource?.data) && resource?.data.length === 0;
  return (
    <section className="jp-totp-section" aria-labelledby={id}>
      <h2 id={id}>{props.title}</h2>
      {props.about && <p className="jp-totp-about">{props.about}</p>}
      {resource?.problem && (
        <p className="jp-totp-problem" role="alert">
          {resource.problem}{' '}
          <button type="button" className="jp-totp-link" onClick={() => void resource.reload()}>
            {trans.__('Try again')}
          </button>
        </p>
      )}
      {resource && resource.data === null && !resource.problem && (
        <p className="jp-totp-loading" role="status">
          {trans.__('Loading…')}
        </p>
      )}
      {isEmpty && !resource?.problem && props.empty && <p className="jp-totp-empty">{props.empty}</p>}
      {props.children}
    </section>
  );
}

/** Copies, and says so in its own place. */
export function CopyButton({ trans, text }: { trans: TranslationBundle; text: string }): JSX.Element {
  const [copied, setCopied] = React.useState(false);
  const copy = () => {
    Clipboard.copyToSystem(text);
    setCopied(true);
  };
  return (
    <>
      <Button onClick={copy}>{copied ? trans.__('Copied') : trans.__('Copy')}</Button>
      <span className="jp-totp-unseen" role="status">
        {copied && trans.__('Copied')}
      </span>
    </>
  );
}
