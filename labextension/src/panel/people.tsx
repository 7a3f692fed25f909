import * as React from 'react';

import * as api from '../api';
import { Button, CopyButton, Field, IAct, Problem, Section, sure, useAct, useResource, useShownOnce } from '../parts';
import { freshly } from '../stepup';
import { when } from '../words';
import { chooseGrace, EndChoice, RoleChoice, roles, TerminalsChoice, terminals } from './choices';
import { IPanelProps } from './panel';
import { addAll, COLUMNS, endOf, readPeople } from './people_list';
import { asImage } from './phones';
import { TellEverybody } from './tell';

type Invited = (made: api.IInvitation[]) => Promise<void>;

export function People({ trans, me, version, changed }: IPanelProps): JSX.Element {
  const accounts = useResource(trans, version, api.accounts);
  const act = useAct(trans);
  const [search, setSearch] = React.useState('');
  const [invitations, setInvitations] = useShownOnce<api.IInvitation[]>();
  const wanted = search.trim().toLowerCase();
  const found = accounts.data?.filter(
    account => account.username.includes(wanted) || account.display_name.toLowerCase().includes(wanted)
  );
  const invited: Invited = async made => {
    setInvitations(made);
    await changed();
  };
  const shared = { trans, act, changed, invited };
  return (
    <Section trans={trans} title={trans.__('People')} resource={accounts}>
      <Field name="search" type="search" label={trans.__('Search')} value={search} onChange={setSearch} />
      <ul className="jp-totp-list">
        {found?.map(account => (
          <Person key={account.id} {...shared} account={account} isMe={account.username === me.username} />
        ))}
      </ul>
      {found?.length === 0 && <p className="jp-totp-empty">{trans.__('Nobody of that name.')}</p>}
      {invitations !== null ? (
        <Invitations trans={trans} invitations={invitations} done={() => setInvitations(null)} />
      ) : (
        <>
          <AddPerson {...shared} />
          <AddFromList {...shared} />
        </>
      )}
      <Problem act={act} />
      <TellEverybody trans={trans} me={me} changed={changed} />
    </Section>
  );
}

interface ISharedProps {
  trans: IPanelProps['trans'];
  act: IAct;
  changed: () => Promise<void>;
  invited: Invited;
}

interface IPersonProps extends ISharedProps {
  account: api.IAccount;
  isMe: boolean;
}

function Person(props: IPersonProps): JSX.Element {
  const { trans, account } = props;
  const [open, setOpen] = React.useState(false);
  const name = account.username;
  const state = account.disabled
    ? trans.__('disabled')
    : account.enrolled
      ? trans.__('last login %1', when(trans, account.last_login_at))
      : trans.__('not enrolled yet');
  return (
    <li>
      <div className="jp-totp-what">
        <strong>
          {account.display_name || name}
          {account.display_name !== name && <small> {name}</small>}
          {account.role !== 'member' && <em className="jp-totp-tag">{roles(trans)[account.role]}</em>}
        </strong>
        <span>
          {state}
          {account.expires_at && `, ${trans.__('ends %1', when(trans, account.expires_at))}`}
        </span>
      </div>
      <div className="jp-totp-acts">
        <button
          type="button"
          className="jp-totp-button"
          aria-expanded={open}
          aria-label={trans.__('Manage %1', name)}
          onClick={() => setOpen(!open)}
        >
          {trans.__('Manage')}
        </button>
      </div>
      {open && <Manage {...props} />}
    </li>
  );
}

function Manage({ trans, act, account, isMe, changed, invited }: IPersonProps): JSX.Element {
  const name = account.username;
  const [ends, setEnds] = React.useState(account.expires_at?.slice(0, 10) ?? '');
  const change = (what: Parameters<typeof api.changeAccount>[1], said: string) =>
    act.run(async () => {
      await freshly(trans, () => api.changeAccount(account.id, what));
      await changed();
      return said;
    });
  const reset = async () => {
    const body = trans.__('They get a new link. The old phone works until the new one is confirmed.');
    if (await sure(trans, trans.__('Reset the second factor of %1?', name), body, trans.__('Reset'))) {
      await invited([await freshly(trans, () => api.resetAccount(account.id))]);
    }
  };
  const end = async () => {
    const grace = await chooseGrace(trans, name);
    if (grace === null) {
      return '';
    }
    await api.endLoginsOf(account.id, grace);
    await changed();
    return grace
      ? trans.__('All logins of %1 end in a minute; their pages save until then.', name)
      : trans.__('All logins of %1 are ended.', name);
  };
  const remove = async () => {
    const body = trans.__('The account, its phones and its tokens go for good; its files stay.');
    if (await sure(trans, trans.__('Delete %1?', name), body, trans.__('Delete'))) {
      await freshly(trans, () => api.removeAccount(account.id));
      await changed();
      return trans.__('The account %1 is deleted.', name);
    }
    return '';
  };
  return (
    <div className="jp-totp-manage">
      <RoleChoice
        trans={trans}
        role={account.role}
        disabled={act.busy}
        choose={role => change({ role }, trans.__('%1 has the role %2 now.', name, roles(trans)[role]))}
      />
      <TerminalsChoice
        trans={trans}
        value={account.terminals}
        disabled={act.busy}
        choose={value =>
          change({ terminals: value }, trans.__('Terminals for %1: %2.', name, terminals(trans)[value]))
        }
      />
      <EndChoice trans={trans} ends={ends} choose={setEnds} />
      <Button
        disabled={act.busy}
        onClick={() =>
          change(
            { expires_at: endOf(ends) },
            ends ? trans.__('The account %1 ends on %2.', name, ends) : trans.__('The account %1 has no end.', name)
          )
        }
      >
        {trans.__('Set the end')}
      </Button>
      <Button disabled={act.busy} onClick={() => act.run(reset)}>
        {trans.__('Reset second factor')}
      </Button>
      <Button disabled={act.busy} onClick={() => act.run(end)}>
        {trans.__('End logins…')}
      </Button>
      {!isMe && (
        <Button
          disabled={act.busy}
          onClick={() =>
            change(
              { disabled: !account.disabled },
              account.disabled ? trans.__('%1 is enabled.', name) : trans.__('%1 is disabled.', name)
            )
          }
        >
          {account.disabled ? trans.__('Enable') : trans.__('Disable')}
        </Button>
      )}
      {!isMe && (
        <Button danger disabled={act.busy} onClick={() => act.run(remove)}>
          {trans.__('Delete')}
        </Button>
      )}
    </div>
  );
}

function AddPerson({ trans, act, invited }: ISharedProps): JSX.Element {
  const [username, setUsername] = React.useState('');
  const [role, setRole] = React.useState<api.IAccount['role']>('member');
  const [ends, setEnds] = React.useState('');
  const add = async () => {
    const account: api.INewAccount = { username: username.trim(), role, expires_at: endOf(ends) };
    await invited([await freshly(trans, () => api.addAccount(account))]);
    return trans.__('%1 is added.', account.username);
  };
  return (
    <form className="jp-totp-inline" onSubmit={act.submit(add)}>
      <Field name="username" label={trans.__('User name')} value={username} onChange={setUsername} />
      <RoleChoice trans={trans} role={role} choose={setRole} />
      <EndChoice trans={trans} ends={ends} choose={setEnds} />
      <button
        className="jp-totp-button jp-totp-main"
        data-totp="add-account"
        disabled={act.busy || !username.trim()}
      >
        {trans.__('Add')}
      </button>
    </form>
  );
}

function AddFromList({ trans, act, invited }: ISharedProps): JSX.Element {
  const file = React.useRef<HTMLInputElement>(null);
  const add = async () => {
    const chosen = file.current?.files?.[0];
    if (!chosen) {
      throw new Error(trans.__('Choose a file first.'));
    }
    const people = readPeople(trans, await chosen.text());
    const { made, failed } = await addAll(people, person => freshly(trans, () => api.addAccount(person)));
    if (made.length > 0) {
      await invited(made);
    }
    if (failed.length > 0) {
      throw new Error(`${trans.__('%1 of %2 people added.', made.length, people.length)} ${failed.join(' ')}`);
    }
    return trans.__('%1 people added.', made.length);
  };
  return (
    <form className="jp-totp-inline" onSubmit={act.submit(add)}>
      <label className="jp-totp-choice">
        {trans.__('Several at once, from a CSV file with the columns %1', COLUMNS.join(', '))}{' '}
        <input ref={file} type="file" accept=".csv,text/csv" />
      </label>
      <button className="jp-totp-button" disabled={act.busy}>
        {trans.__('Add them')}
      </button>
    </form>
  );
}

interface IInvitationsProps {
  trans: IPanelProps['trans'];
  invitations: api.IInvitation[];
  done: () => void;
}

function Invitations({ trans, invitations, done }: IInvitationsProps): JSX.Element {
  return (
    <div className="jp-totp-new">
      <p>
        {trans.__(
          'Hand each link to its person, and to nobody else: whoever opens it first chooses the password. It works once.'
        )}
      </p>
      {invitations.map(one => (
        <div key={one.id} className="jp-totp-invitation">
          <img className="jp-totp-qr" src={asImage(one.qr_svg)} alt={trans.__('QR code of the link')} />
          <div>
            <strong>{one.username}</strong> {trans.__('until %1', when(trans, one.expires_at))}
            <p className="jp-totp-secret">
              <code>{one.url}</code> <CopyButton trans={trans} text={one.url} />
            </p>
          </div>
        </div>
      ))}
      <Button onClick={done}>{trans.__('Done')}</Button>
    </div>
  );
}
