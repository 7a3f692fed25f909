import * as React from 'react';

import * as api from '../api';
import { Button, CopyButton, Field, Problem, Section, sure, useAct, useResource } from '../parts';
import { freshly } from '../stepup';
import { when } from '../words';
import { asImage, IPanelProps } from './phones';
import { readPeople } from './people_list';

export function People({ trans, me }: IPanelProps): JSX.Element {
  const accounts = useResource(trans, api.accounts);
  const [search, setSearch] = React.useState('');
  const [invitations, setInvitations] = React.useState<api.IInvitation[]>([]);
  const wanted = search.trim().toLowerCase();
  const found = accounts.data?.filter(
    account => account.username.includes(wanted) || account.display_name.toLowerCase().includes(wanted)
  );
  const invited = async (made: api.IInvitation[]) => {
    setInvitations(made);
    await accounts.reload();
  };
  return (
    <Section trans={trans} title={trans.__('People')} resource={accounts}>
      <Field name="search" type="search" label={trans.__('Search')} value={search} onChange={setSearch} />
      <ul className="jp-totp-list">
        {found?.map(account => (
          <Person
            key={account.id}
            trans={trans}
            account={account}
            isMe={account.username === me.username}
            changed={accounts.reload}
            invited={invited}
          />
        ))}
      </ul>
      {found?.length === 0 && <p className="jp-totp-empty">{trans.__('Nobody of that name.')}</p>}
      {invitations.length > 0 ? (
        <Invitations trans={trans} invitations={invitations} done={() => setInvitations([])} />
      ) : (
        <AddPeople trans={trans} invited={invited} />
      )}
    </Section>
  );
}

interface IPersonProps {
  trans: IPanelProps['trans'];
  account: api.IAccount;
  isMe: boolean;
  changed: () => Promise<void>;
  invited: (made: api.IInvitation[]) => Promise<void>;
}

function Person({ trans, account, isMe, changed, invited }: IPersonProps): JSX.Element {
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
          {account.role === 'admin' && <em className="jp-totp-tag">{trans.__('admin')}</em>}
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
      {open && <Manage trans={trans} account={account} isMe={isMe} changed={changed} invited={invited} />}
    </li>
  );
}

function Manage({ trans, account, isMe, changed, invited }: IPersonProps): JSX.Element {
  const name = account.username;
  const [ends, setEnds] = React.useState(account.expires_at?.slice(0, 10) ?? '');
  const act = useAct(trans);
  const change = (what: Parameters<typeof api.changeAccount>[1]) =>
    act.run(async () => {
      await freshly(trans, () => api.changeAccount(account.id, what));
      await changed();
    });
  const reset = async () => {
    const body = trans.__('They get a new link. The old phone works until the new one is confirmed.');
    if (await sure(trans, trans.__('Reset the second factor of %1?', name), body, trans.__('Reset'))) {
      await invited([await freshly(trans, () => api.resetAccount(account.id))]);
    }
  };
  const end = async () => {
    await api.endLoginsOf(account.id);
    return trans.__('All logins of %1 are ended.', name);
  };
  const remove = async () => {
    const body = trans.__('The account, its phones and its tokens go for good; its files stay.');
    if (await sure(trans, trans.__('Delete %1?', name), body, trans.__('Delete'))) {
      await freshly(trans, () => api.removeAccount(account.id));
      await changed();
    }
  };
  const until = ends ? `${ends}T23:59:59Z` : null;
  return (
    <div className="jp-totp-manage">
      <label className="jp-totp-choice">
        {trans.__('Role')}{' '}
        <select
          className="jp-mod-styled"
          value={account.role}
          disabled={act.busy}
          onChange={event => change({ role: event.target.value as api.IAccount['role'] })}
        >
          <option value="member">{trans.__('member')}</option>
          <option value="admin">{trans.__('admin')}</option>
        </select>
      </label>
      <label className="jp-totp-choice">
        {trans.__('Ends')}{' '}
        <input
          className="jp-mod-styled"
          type="date"
          value={ends}
          onChange={event => setEnds(event.target.value)}
        />
      </label>
      <Button disabled={act.busy} onClick={() => change({ expires_at: until })}>
        {trans.__('Set the end')}
      </Button>
      <Button disabled={act.busy} onClick={() => act.run(reset)}>
        {trans.__('Reset second factor')}
      </Button>
      <Button disabled={act.busy} onClick={() => act.run(end)}>
        {trans.__('End logins')}
      </Button>
      {!isMe && (
        <Button disabled={act.busy} onClick={() => change({ disabled: !account.disabled })}>
          {account.disabled ? trans.__('Enable') : trans.__('Disable')}
        </Button>
      )}
      {!isMe && (
        <Button danger disabled={act.busy} onClick={() => act.run(remove)}>
          {trans.__('Delete')}
        </Button>
      )}
      <Problem act={act} />
    </div>
  );
}

interface IAddProps {
  trans: IPanelProps['trans'];
  invited: (made: api.IInvitation[]) => Promise<void>;
}

function AddPeople({ trans, invited }: IAddProps): JSX.Element {
  const [username, setUsername] = React.useState('');
  const [role, setRole] = React.useState('member');
  const [ends, setEnds] = React.useState('');
  const add = useAct(trans, async () => {
    const account: api.INewAccount = { username: username.trim(), role };
    if (ends) {
      account.expires_at = `${ends}T23:59:59Z`;
    }
    await invited([await freshly(trans, () => api.addAccount(account))]);
    setUsername('');
  });
  return (
    <>
      <form className="jp-totp-inline" onSubmit={add.submit}>
        <Field name="username" label={trans.__('User name')} value={username} onChange={setUsername} />
        <label className="jp-totp-choice">
          {trans.__('Role')}{' '}
          <select className="jp-mod-styled" value={role} onChange={event => setRole(event.target.value)}>
            <option value="member">{trans.__('member')}</option>
            <option value="admin">{trans.__('admin')}</option>
          </select>
        </label>
        <label className="jp-totp-choice">
          {trans.__('Ends')}{' '}
          <input
            className="jp-mod-styled"
            type="date"
            value={ends}
            onChange={event => setEnds(event.target.value)}
          />
        </label>
        <button
          className="jp-totp-button jp-totp-main"
          data-totp="add-account"
          disabled={add.busy || !username.trim()}
        >
          {trans.__('Add')}
        </button>
      </form>
      <Problem act={add} />
      <FromList trans={trans} invited={invited} />
    </>
  );
}

function FromList({ trans, invited }: IAddProps): JSX.Element {
  const file = React.useRef<HTMLInputElement>(null);
  const read = useAct(trans, async () => {
    const chosen = file.current?.files?.[0];
    if (!chosen) {
      return '';
    }
    const people = readPeople(trans, await chosen.text());
    const made: api.IInvitation[] = [];
    const failed: string[] = [];
    for (const person of people) {
      try {
        made.push(await freshly(trans, () => api.addAccount(person)));
      } catch (error) {
        failed.push(`${person.username}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    await invited(made);
    if (failed.length > 0) {
      throw new Error(failed.join(' '));
    }
    return trans.__('%1 people added.', made.length);
  });
  return (
    <form className="jp-totp-inline" onSubmit={read.submit}>
      <label className="jp-totp-choice">
        {trans.__('Several at once, from a CSV file with the columns username, role, display_name')}{' '}
        <input ref={file} type="file" accept=".csv,text/csv" />
      </label>
      <button className="jp-totp-button" disabled={read.busy}>
        {trans.__('Add them')}
      </button>
      <Problem act={read} />
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
