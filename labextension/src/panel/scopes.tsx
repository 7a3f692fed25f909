/** What a new access token may do, and where. */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IAccessToken } from '../api';
import { Field, useId } from '../parts';

/** Whatever its person may do. */
export const ALL = 'all';

/** Each scope in plain words. */
export function scopes(trans: TranslationBundle): Record<string, string> {
  return {
    [ALL]: trans.__('Everything I may do'),
    'contents:read': trans.__('Read files and notebooks'),
    'contents:write': trans.__('Read and change files and notebooks'),
    'kernels:execute': trans.__('Start kernels and run code'),
    'terminals:execute': trans.__('Use terminals')
  };
}

/** What is chosen after one box was ticked or cleared: everything, or single rights, never both. */
export function toggled(chosen: string[], scope: string, on: boolean): string[] {
  const others = chosen.filter(one => one !== scope && one !== ALL && scope !== ALL);
  return on ? [...others, scope] : others;
}

/** Whether a folder can limit them: a kernel or a terminal reads every file. */
export function mayHaveFolder(chosen: string[]): boolean {
  return chosen.length > 0 && chosen.every(scope => scope.startsWith('contents:'));
}

/** What a token that exists may do. */
export function inWords(trans: TranslationBundle, token: IAccessToken): string {
  const words = scopes(trans);
  const all = token.scopes.map(scope => (words[scope] ? `${words[scope]} (${scope})` : scope)).join(', ');
  return token.path_prefix ? trans.__('%1; only in the folder %2', all, token.path_prefix) : all;
}

interface IScopesProps {
  trans: TranslationBundle;
  chosen: string[];
  choose: (chosen: string[]) => void;
  folder: string;
  setFolder: (folder: string) => void;
}

export function ScopeChoice({ trans, chosen, choose, folder, setFolder }: IScopesProps): JSX.Element {
  const id = useId();
  return (
    <fieldset className="jp-totp-scopes">
      <legend>{trans.__('What it may do')}</legend>
      {Object.entries(scopes(trans)).map(([scope, words], at) => (
        <div key={scope} className="jp-totp-scope">
          <input
            id={`${id}-${at}`}
            type="checkbox"
            name="scopes"
            value={scope}
            checked={chosen.includes(scope)}
            onChange={event => choose(toggled(chosen, scope, event.target.checked))}
          />
          <label htmlFor={`${id}-${at}`}>
            {/* No `code`: the first of the section is the token itself, for scripts that read it. */}
            {words} <small>{scope}</small>
          </label>
        </div>
      ))}
      <Field
        name="path_prefix"
        label={trans.__('Only in this folder')}
        hint={trans.__('For tokens that only reach files: kernels and terminals read every folder. Empty: all of them.')}
        value={mayHaveFolder(chosen) ? folder : ''}
        disabled={!mayHaveFolder(chosen)}
        onChange={setFolder}
      />
    </fieldset>
  );
}
