/** What an administrator chooses of a person: role, terminals, end; and how their logins end. */
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import * as api from '../api';

export function roles(trans: TranslationBundle): Record<api.IAccount['role'], string> {
  return { member: trans.__('member'), reader: trans.__('reader'), admin: trans.__('admin') };
}

export function terminals(trans: TranslationBundle): Record<api.IAccount['terminals'], string> {
  return { yes: trans.__('yes'), no: trans.__('no'), 'step-up': trans.__('after password and code') };
}

interface IChoiceProps<T extends string> {
  name: string;
  label: string;
  /** The words, by what they stand for. */
  offered: Record<T, string>;
  value: T;
  disabled?: boolean;
  choose: (value: T) => void;
}

function Choice<T extends string>(props: IChoiceProps<T>): JSX.Element {
  return (
    <label className="jp-totp-choice">
      {props.label}{' '}
      <select
        className="jp-mod-styled"
        name={props.name}
        value={props.value}
        disabled={props.disabled}
        onChange={event => props.choose(event.target.value as T)}
      >
        {Object.entries<string>(props.offered).map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

interface IRoleProps {
  trans: TranslationBundle;
  role: api.IAccount['role'];
  disabled?: boolean;
  choose: (role: api.IAccount['role']) => void;
}

export function RoleChoice({ trans, role, disabled, choose }: IRoleProps): JSX.Element {
  const shared = { label: trans.__('Role'), offered: roles(trans), disabled, choose };
  return <Choice name="role" value={role} {...shared} />;
}

interface ITerminalsProps {
  trans: TranslationBundle;
  value: api.IAccount['terminals'];
  disabled?: boolean;
  choose: (value: api.IAccount['terminals']) => void;
}

export function TerminalsChoice({ trans, value, disabled, choose }: ITerminalsProps): JSX.Element {
  const shared = { label: trans.__('Terminals'), offered: terminals(trans), disabled, choose };
  return <Choice name="terminals" value={value} {...shared} />;
}

interface IEndProps {
  trans: TranslationBundle;
  ends: string;
  choose: (ends: string) => void;
}

export function EndChoice({ trans, ends, choose }: IEndProps): JSX.Element {
  return (
    <label className="jp-totp-choice">
      {trans.__('Ends')}{' '}
      <input className="jp-mod-styled" type="date" value={ends} onChange={event => choose(event.target.value)} />
    </label>
  );
}

/** In seconds: long enough for saving, and for a sentence to a colleague. */
const A_MINUTE = 60;

/** How somebody's logins end: after so many seconds, or null: not at all. */
export async function chooseGrace(trans: TranslationBundle, name: string): Promise<number | null> {
  const soon = Dialog.okButton({ label: trans.__('In a minute') });
  const result = await showDialog({
    title: trans.__('End all logins of %1?', name),
    body: trans.__(
      'Their pages ask to sign in again; kernels run on. In a minute: their pages say so, and save their documents first.'
    ),
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), soon, Dialog.warnButton({ label: trans.__('Now') })],
    defaultButton: 1
  });
  if (!result.button.accept) {
    return null;
  }
  return result.button.label === soon.label ? A_MINUTE : 0;
}
