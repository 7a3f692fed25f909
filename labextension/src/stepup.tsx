import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import * as api from './api';
import { Field, PasswordField } from './parts';
import { ApiError, Cancelled } from './request';

/** Do what may need a fresh login: where it does, ask for both factors in one dialog, then do it. */
export async function freshly<T>(trans: TranslationBundle, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== 'step-up') {
      throw error;
    }
  }
  await stepUp(trans, trans.__('What you are about to change needs your password and a code once more.'));
  return act();
}

let asking: Promise<boolean> | null = null;

/** Ask for both factors, and say whether they were given. Who asks meanwhile gets the same answer. */
export function confirmed(trans: TranslationBundle): Promise<boolean> {
  asking ??= stepUp(trans, trans.__('This needs your password and a code once more.'))
    .then(
      () => true,
      () => false // changed their mind, or the server is away: what was refused stays refused, and says so
    )
    .finally(() => {
      asking = null;
    });
  return asking;
}

/** Ask until both factors are right. Throws {@link Cancelled}. */
async function stepUp(trans: TranslationBundle, why: string): Promise<void> {
  let problem = '';
  for (;;) {
    const result = await showDialog({
      title: trans.__('Is it you?'),
      body: new StepUpBody(trans, why, problem),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label: trans.__('Confirm') })
      ],
      focusNodeSelector: 'input[name=password]'
    });
    if (!result.button.accept || result.value === null) {
      throw new Cancelled();
    }
    try {
      await api.stepUp(result.value.password, result.value.code);
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || ![400, 401, 429].includes(error.status)) {
        throw error;
      }
      problem = error.message;
    }
  }
}

class StepUpBody extends ReactWidget implements Dialog.IBodyWidget<{ password: string; code: string }> {
  constructor(
    private readonly trans: TranslationBundle,
    private readonly why: string,
    private readonly problem: string
  ) {
    super();
    this.addClass('jp-totp-StepUp');
  }

  getValue(): { password: string; code: string } {
    const field = (name: string) => this.node.querySelector<HTMLInputElement>(`input[name=${name}]`);
    return { password: field('password')?.value ?? '', code: field('code')?.value ?? '' };
  }

  protected render(): JSX.Element {
    return <StepUpForm trans={this.trans} why={this.why} problem={this.problem} />;
  }
}

interface IFormProps {
  trans: TranslationBundle;
  why: string;
  problem: string;
}

function StepUpForm({ trans, why, problem }: IFormProps): JSX.Element {
  const [password, setPassword] = React.useState('');
  const [code, setCode] = React.useState('');
  return (
    <>
      <p>{why}</p>
      {problem && (
        <p className="jp-totp-problem" role="alert">
          {problem}
        </p>
      )}
      <PasswordField label={trans.__('Password')} value={password} onChange={setPassword} />
      <Field
        name="code"
        label={trans.__('Code')}
        hint={trans.__('The six digits your app shows now, or a recovery code.')}
        value={code}
        onChange={setCode}
      />
    </>
  );
}
