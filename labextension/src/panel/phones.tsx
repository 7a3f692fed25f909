import * as React from 'react';

import * as api from '../api';
import { Button, CopyButton, Field, IAct, Problem, Section, sure, useAct, useResource, useShownOnce } from '../parts';
import { freshly } from '../stepup';
import { ago, when } from '../words';
import { IPanelProps } from './panel';

/** A phone about to be added; the secret is nowhere else, and goes with it. */
interface IOffer extends api.INewPhone {
  name: string;
  /** The phone whose place it takes. */
  instead: api.IPhone | null;
}

export function Phones({ trans, version, changed, isShown }: IPanelProps): JSX.Element {
  const phones = useResource(trans, version, api.phones);
  const act = useAct(trans);
  const [name, setName] = React.useState('');
  const [offer, setOffer] = useShownOnce<IOffer>(() =>
    act.run(async () => trans.__('Nobody has confirmed the new phone within ten minutes; its QR code is gone.'))
  );
  React.useEffect(() => {
    if (!isShown) {
      setOffer(null);
    }
  }, [isShown]);
  const add = async (called: string, instead: api.IPhone | null) => {
    setOffer({ ...(await freshly(trans, () => api.addPhone(called))), name: called, instead });
    setName('');
  };
  const addNew = () => add(name.trim() || trans.__('Phone'), null);
  /** The new one counts; its forerunner goes only now, so that there is always one. */
  const confirmed = (made: IOffer) =>
    act.run(async () => {
      setOffer(null);
      try {
        if (made.instead !== null) {
          const old = made.instead.id;
          await freshly(trans, () => api.removePhone(old));
        }
      } finally {
        await changed();
      }
      return made.instead === null
        ? trans.__('“%1” is added: its codes let you in from now on.', made.name)
        : trans.__('“%1” is replaced. All your other logins are ended.', made.name);
    });
  return (
    <Section
      trans={trans}
      title={trans.__('Phones and apps')}
      about={trans.__('Each of them shows codes that let you in. Two are safer than one: a phone can get lost.')}
      resource={phones}
    >
      <ul className="jp-totp-list">
        {phones.data?.map(phone => (
          <Phone
            key={phone.id}
            trans={trans}
            phone={phone}
            only={phones.data?.length === 1}
            act={act}
            changed={changed}
            replace={() => act.run(() => add(phone.name, phone))}
          />
        ))}
      </ul>
      {offer ? (
        <NewPhone trans={trans} offer={offer} done={() => confirmed(offer)} cancel={() => setOffer(null)} />
      ) : (
        <form className="jp-totp-inline" onSubmit={act.submit(addNew)}>
          <Field name="name" label={trans.__('Name of the new phone')} value={name} onChange={setName} />
          <button className="jp-totp-button jp-totp-main" data-totp="add-authenticator" disabled={act.busy}>
            {trans.__('Add a phone')}
          </button>
        </form>
      )}
      <Problem act={act} />
    </Section>
  );
}

interface IPhoneProps {
  trans: IPanelProps['trans'];
  phone: api.IPhone;
  only: boolean;
  act: IAct;
  changed: () => Promise<void>;
  replace: () => void;
}

function Phone({ trans, phone, only, act, changed, replace }: IPhoneProps): JSX.Element {
  const [name, setName] = React.useState<string | null>(null);
  const rename = async () => {
    const wanted = (name ?? '').trim();
    await freshly(trans, () => api.renamePhone(phone.id, wanted));
    setName(null);
    await changed();
    return trans.__('“%1” is called “%2” now.', phone.name, wanted);
  };
  const remove = async () => {
    const body = trans.__('Its codes stop working, and all your other logins end.');
    if (await sure(trans, trans.__('Remove “%1”?', phone.name), body, trans.__('Remove'))) {
      await freshly(trans, () => api.removePhone(phone.id));
      await changed();
      return trans.__('“%1” is removed. All your other logins are ended.', phone.name);
    }
    return '';
  };
  if (name !== null) {
    return (
      <li>
        <form className="jp-totp-inline" onSubmit={act.submit(rename)}>
          <Field name="name" label={trans.__('Name')} value={name} onChange={setName} autoFocus />
          <button className="jp-totp-button jp-totp-main" disabled={act.busy || !name.trim()}>
            {trans.__('Save')}
          </button>
          <Button onClick={() => setName(null)}>{trans.__('Cancel')}</Button>
        </form>
      </li>
    );
  }
  return (
    <li>
      <div className="jp-totp-what">
        <strong>{phone.name}</strong>
        <span>
          {trans.__(
            'added %1, last used %2',
            when(trans, phone.created_at),
            ago(trans, phone.last_used_at, Date.now())
          )}
        </span>
      </div>
      <div className="jp-totp-acts">
        <Button
          disabled={act.busy}
          onClick={() => setName(phone.name)}
          label={trans.__('Rename %1', phone.name)}
        >
          {trans.__('Rename')}
        </Button>
        <Button disabled={act.busy} onClick={replace} label={trans.__('Replace %1', phone.name)}>
          {trans.__('Replace')}
        </Button>
        <span title={only ? trans.__('Your only one stays: replace it, or add another one first.') : undefined}>
          <Button
            hook="remove-authenticator"
            danger
            disabled={only || act.busy}
            onClick={() => act.run(remove)}
            label={trans.__('Remove %1', phone.name)}
          >
            {trans.__('Remove')}
          </Button>
        </span>
      </div>
    </li>
  );
}

interface INewPhoneProps {
  trans: IPanelProps['trans'];
  offer: IOffer;
  done: () => void;
  cancel: () => void;
}

/** The QR code, and the first code. */
function NewPhone({ trans, offer, done, cancel }: INewPhoneProps): JSX.Element {
  const [code, setCode] = React.useState('');
  const act = useAct(trans);
  const confirm = async () => {
    await api.confirmPhone(offer.id, code);
    done();
  };
  return (
    <form className="jp-totp-new" onSubmit={act.submit(confirm)}>
      <p>{trans.__('Scan this with the authenticator app, then type the six digits that it shows.')}</p>
      <div className="jp-totp-scan">
        <img className="jp-totp-qr" src={asImage(offer.qr_svg)} alt={trans.__('QR code for the authenticator app')} />
        <div>
          <p>{trans.__('Or type this key into the app:')}</p>
          <p className="jp-totp-secret">
            <code>{grouped(offer.secret)}</code> <CopyButton trans={trans} text={offer.secret} />
          </p>
          <p>
            <a className="jp-totp-link" href={offer.uri}>
              {trans.__('Open in an app on this device')}
            </a>
          </p>
        </div>
      </div>
      <div className="jp-totp-inline">
        <Field name="code" label={trans.__('Code')} value={code} onChange={setCode} autoFocus />
        <button
          className="jp-totp-button jp-totp-main"
          data-totp="confirm-authenticator"
          disabled={act.busy || !code}
        >
          {trans.__('Confirm')}
        </button>
        <Button onClick={cancel}>{trans.__('Cancel')}</Button>
      </div>
      <Problem act={act} />
    </form>
  );
}

/** As a picture, not as markup of the page: whatever stands in it cannot run. */
export function asImage(svg: string): string {
  return `data:image/svg+xml;base64,${btoa(svg)}`;
}

/** In fours, as people read it out. */
function grouped(secret: string): string {
  return secret.replace(/(.{4})(?=.)/g, '$1 ');
}
