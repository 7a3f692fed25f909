import * as React from 'react';

import * as api from '../api';
import { Button, CopyButton, Problem, Section, sure, useAct, useShownOnce } from '../parts';
import { freshly } from '../stepup';
import { IPanelProps } from './panel';

const FEW = 3;

export function RecoveryCodes({ trans, me, changed }: IPanelProps): JSX.Element {
  const [codes, setCodes] = useShownOnce<string[]>();
  const act = useAct(trans);
  const left = me.recovery_codes_left;
  const make = async () => {
    const body = trans.__('The ones you have now stop working.');
    if (await sure(trans, trans.__('New recovery codes?'), body, trans.__('Make new ones'))) {
      setCodes(await freshly(trans, api.newRecoveryCodes));
      await changed();
    }
  };
  return (
    <Section
      trans={trans}
      title={trans.__('Recovery codes')}
      about={trans.__('For when your phone is not at hand. Each works once, in the place of a code.')}
    >
      <p className={left <= FEW ? 'jp-totp-warning' : undefined}>
        {left === 1 ? trans.__('1 recovery code left') : trans.__('%1 recovery codes left', left)}
        {left <= FEW && `. ${trans.__('Make new ones before they run out.')}`}
      </p>
      {codes === null ? (
        <Button hook="new-recovery-codes" disabled={act.busy} onClick={() => act.run(make)}>
          {trans.__('New recovery codes')}
        </Button>
      ) : (
        <div className="jp-totp-new">
          <p>
            <strong>{trans.__('They are shown only now: keep them somewhere safe, away from the phone.')}</strong>
          </p>
          <ul className="jp-totp-codes">
            {codes.map(code => (
              <li key={code}>{code}</li>
            ))}
          </ul>
          <div className="jp-totp-acts">
            <CopyButton trans={trans} text={codes.join('\n')} />
            <Button onClick={() => download(`recovery-codes-${me.username}.txt`, codes)}>
              {trans.__('Download')}
            </Button>
            <Button onClick={() => print(trans.__('Recovery codes of %1', me.username), codes)}>
              {trans.__('Print')}
            </Button>
            <Button onClick={() => setCodes(null)}>{trans.__('Done')}</Button>
          </div>
        </div>
      )}
      <Problem act={act} />
    </Section>
  );
}

function download(name: string, lines: string[]): void {
  const url = URL.createObjectURL(new Blob([lines.join('\n'), '\n'], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // Not at once: some browsers read it only then.
  window.setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** In a frame of their own: what JupyterLab shows beside them is not for the paper. */
function print(title: string, lines: string[]): void {
  const frame = document.createElement('iframe');
  frame.className = 'jp-totp-unseen';
  document.body.append(frame);
  const page = frame.contentWindow!;
  const heading = page.document.createElement('h1');
  heading.textContent = title;
  const list = page.document.createElement('pre');
  list.textContent = lines.join('\n');
  page.document.body.append(heading, list);
  page.addEventListener('afterprint', () => frame.remove());
  page.print();
}
