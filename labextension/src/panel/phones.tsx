import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import * as api from '../api';
import { Button, CopyButton, Field, Problem, Section, sure, useAct, useResource } from '../parts';
import { freshly } from '../stepup';
import { ago, when } from '../words';

/** A QR code that nobody scans is taken away. */
const SHOWN_FOR = 10 * 60_000;

export interface IPanelProps {
  trans: TranslationBundle;
  me: api.IMe;
  /** The numbers on the page have changed. */
  refresh: () => Promise<void>;
}

export function Phones({ trans, refresh }: IPanelProps): JSX.Element {
  const phones = useResource(trans, api.phones);
  const [offer, setOffer] = React.useState<api.INewPhone | null>(null);
  const [name, setName] = React.useState('');
  const [replaced, setReplaced] = React.useState<api.IPhone | null>(null);
  React.useEffect(() => {
    if (offer !== null) {
      const timer = window.setTimeout(() => setOffer(null), SHOWN_FOR);
      return () => window.clearTimeout(timer);
    }
    return undefined;
  }, [offer]);
  const changed = async () => {
    await phones.reload();
    await refresh();
  };
  const add = useAct(trans, async () => {
    setOffer(await freshly(trans, () => api.addPhone(name.trim() || trans.__('Phone'))));
    setReplaced(null);
    setName('');
  });
  const replace = (phone: api.IPhone) =>
    add.run(async () => {
      setOffer(await freshly(trans, () => api.addPhone(phone.name)));
      setReplaced(phone);
    });
  const done = async () => {
    setOffer(null);
    if (replaced !== null) {
      await freshly(trans, () => api.removePhone(replaced.id));
    }
    await changed();
  };
  return (
    <Section
      trans={trans}
      title={trans.__('Phones and apps')}
      about={trans.__('Each of them shows codes that let you in. Two are safer than one: a phone can get lost.')}
      resource={phones}
    >
      <ul className="jp-totp-list">
        {phones.data?.map(phone => (
          <Phone key={phone.id} trans={trans} phone={phone} only={phones.data?.length === 1} changed={changed} replace={replace} />
        ))}
      </ul>
      {offer ? (
        <NewPhone trans={trans} offer={offer} done={done} cancel={() => setOffer(null)} />
      ) : (
        <form className="jp-totp-inline" onSubmit={add.submit}>
          <Field name="name" label={trans.__('Name of the new phone')} value={name} onChange={setName} />
          <button
            className="jp-totp-button jp-totp-main"
            data-totp="add-authenticator"
            disabled={add.busy}
          >
            {trans.__('Add a phone')}
          </button>
        </form>
      )}
      <Problem act={add} />
    </Section>
  );
}

interface IPhoneProps {
  trans: TranslationBundle;
  phone: api.IPhone;
  only: boolean;
  changed: () => Promise<void>;
  replace: (phone: api.IPhone) => void;
}

function Phone({ trans, phone, only, changed, replace }: IPhoneProps): JSX.Element {
  const [name, setName] = React.useState<string | null>(null);
  const rename = useAct(trans, async () => {
    await freshly(trans, () => api.renamePhone(phone.id, name ?? phone.name));
    setName(null);
    await changed();
  });
  const remove = useAct(trans, async () => {
    const body = trans.__('Its codes stop working, and all your other logins end.');
    if (await sure(trans, trans.__('Remove “%1”?', phone.name), body, trans.__('Remove'))) {
      await freshly(trans, () => api.removePhone(phone.id));
      await changed();
    }
  });
  return (
    <li>
      {name === null ? (
        <div className="jp-totp-what">
          <strong>{phone.name}</strong>
          <span>
            {trans.__('added %1, last used %2', when(trans, phone.created_at), ago(trans, phone.last_used_at, Date.now()))}
          </span>
        </div>
      ) : (
        <form className="jp-totp-inline" onSubmit={rename.submit}>
          <Field name="name" label={trans.__('Name')} value={name} onChange={setName} autoFocus />
          <button className="jp-totp-button jp-totp-main" disabled={rename.busy || !name.trim()}>
            {trans.__('Save')}
          </button>
          <Button onClick={() => setName(null)}>{trans.__('Cancel')}</Button>
        </form>
      )}
      {name === null && (
        <div className="jp-totp-acts">
          <Button onClick={() => setName(phone.name)} label={trans.__('Rename %1', phone.name)}>
            {trans.__('Rename')}
          </Button>
          <Button onClick={() => replace(phone)} label={trans.__('Replace %1', phone.name)}>
            {trans.__('Replace')}
          </Button>
          <span title={only ? trans.__('Your only one stays: replace it, or add another one first.') : undefined}>
            <Button
              hook="remove-authenticator"
              danger
              disabled={only || remove.busy}
              onClick={remove.run}
              label={trans.__('Remove %1', phone.name)}
            >
              {trans.__('Remove')}
            </Button>
          </span>
        </div>
      )}
      <Problem act={name === null ? remove : rename} />
    </li>
  );
}

interface INewPhoneProps {
  trans: TranslationBundle;
  offer: api.INewPhone;
  done: () => Promise<void>;
  cancel: () => void;
}

/** The QR code and the first code. The secret is in this component only, and goes with it. */
function NewPhone({ trans, offer, done, cancel }: INewPhoneProps): JSX.Element {
  const [code, setCode] = React.useState('');
  const confirm = useAct(trans, async () => {
    await api.confirmPhone(offer.id, code);
    await done();
  });
  return (
    <form className="jp-totp-new" onSubmit={confirm.submit}>
      <p>{trans.__('Scan this with the authenticator app, then type the six digits that it shows.')}</p>
      <img className="jp-totp-qr" src={asImage(offer.qr_svg)} alt={trans.__('QR code for the authenticator app')} />
      <p className="jp-totp-secret">
        {trans.__('Or type this key into the app:')} <code>{grouped(offer.secret)}</code>{' '}
        <CopyButton trans={trans} text={offer.secret} /> <a href={offer.uri}>{trans.__('Open in an app here')}</a>
      </p>
      <div className="jp-totp-inline">
        <Field name="code" label={trans.__('Code')} value={code} onChange={setCode} autoFocus />
        <button
          className="jp-totp-button jp-totp-main"
          data-totp="confirm-authenticator"
          disabled={confirm.busy || !code}
        >
          {trans.__('Confirm')}
        </button>
        <Button onClick={cancel}>{trans.__('Cancel')}</Button>
      </div>
      <Problem act={confirm} />
    </form>
  );
}

export function asImage(svg: string): string {
  return `data:image/svg+xml;base64,${btoa(svg)}`;
}

export function grouped(secret: string): string {
  return secret.replace(/(.{4})(?=.)/g, '$1 ');
}
