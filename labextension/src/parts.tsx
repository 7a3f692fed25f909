/** What forms and lists share: fields, buttons that ask once more, and the states of a list. */
import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ApiError, Cancelled, isRefusal } from './request';

/** What an act does; what it returns is said to have been done. */
export type Work = () => Promise<string | void>;

/** One act of a person: whether it is under way, what went wrong, what was done. */
export interface IAct {
  busy: boolean;
  problem: string;
  done: string;
  /** Do it, or something else in its place. */
  run: (other?: Work) => void;
  submit: (event: React.FormEvent) => void;
}

/** Run `work` once at a time; what it throws is shown. */
export function useAct(trans: TranslationBundle, work: Work = async () => undefined): IAct {
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
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    if (!busy) {
      void run(work);
    }
  };
  return { busy, problem, done, run: other => void run(other ?? work), submit };
}

/** What to say of an error; nothing where a person only changed their mind, or the page is about to be covered. */
export function sentence(trans: TranslationBundle, error: unknown): string {
  if (error instanceof Cancelled || (error instanceof ApiError && isRefusal(error.reason))) {
    return '';
  }
  if (error instanceof ApiError && error.reason === 'offline') {
    return trans.__('The server does not answer. Nothing was changed; please try again.');
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
  autoFocus?: boolean;
  autoComplete?: string;
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
  trans: TranslationBundle;
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

/** What is loaded for a section; `reload` after every change, so that nobody has to. */
export interface IResource<T> {
  data: T | null;
  problem: string;
  reload: () => Promise<void>;
}

export function useResource<T>(trans: TranslationBundle, load: () => Promise<T>): IResource<T> {
  const [data, setData] = React.useState<T | null>(null);
  const [problem, setProblem] = React.useState('');
  const mounted = React.useRef(true);
  const reload = React.useCallback(async () => {
    try {
      const loaded = await load();
      if (mounted.current) {
        setData(loaded);
        setProblem('');
      }
    } catch (error) {
      mounted.current && setProblem(sentence(trans, error) || trans.__('Not loaded.'));
    }
  }, []);
  React.useEffect(() => {
    mounted.current = true;
    void reload();
    return () => {
      mounted.current = false;
    };
  }, []);
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
      {isEmpty && props.empty && <p className="jp-totp-empty">{props.empty}</p>}
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
  return <Button onClick={copy}>{copied ? trans.__('Copied') : trans.__('Copy')}</Button>;
}
