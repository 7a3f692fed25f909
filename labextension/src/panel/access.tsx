import { PageConfig } from '@jupyterlab/coreutils';
import * as React from 'react';

import * as api from '../api';
import { Button, CopyButton, Field, IAct, Problem, Section, sure, useAct, useResource, useShownOnce } from '../parts';
import { freshly } from '../stepup';
import { ago, when } from '../words';
import { IPanelProps } from './panel';
import { ALL, inWords, mayHaveFolder, ScopeChoice } from './scopes';

const DAYS = 90;
const MOST_DAYS = 365;

export function AccessTokens({ trans, version, changed }: IPanelProps): JSX.Element {
  const tokens = useResource(trans, version, api.accessTokens);
  const [name, setName] = React.useState('');
  const [days, setDays] = React.useState(String(DAYS));
  const [scopes, setScopes] = React.useState([ALL]);
  const [folder, setFolder] = React.useState('');
  const [made, setMade] = useShownOnce<string>();
  const act = useAct(trans);
  const create = async () => {
    const lifetime = Number(days);
    if (!Number.isInteger(lifetime) || lifetime < 1 || lifetime > MOST_DAYS) {
      throw new Error(trans.__('A token lives 1 to %1 days.', MOST_DAYS));
    }
    if (scopes.length === 0) {
      throw new Error(trans.__('Tick what the token may do.'));
    }
    const wanted: api.IWantedToken = {
      name: name.trim(),
      scopes,
      path_prefix: (mayHaveFolder(scopes) && folder.trim()) || null,
      expires_in_days: lifetime
    };
    setMade((await freshly(trans, () => api.createAccessToken(wanted))).token);
    setName('');
    setScopes([ALL]);
    setFolder('');
    await changed();
  };
  const revoke = async (token: api.IAccessToken) => {
    const body = trans.__('Whatever uses it is cut off at once.');
    if (await sure(trans, trans.__('Revoke “%1”?', token.name), body, trans.__('Revoke'))) {
      await api.revokeAccessToken(token.id);
      await changed();
      return trans.__('“%1” is revoked.', token.name);
    }
    return '';
  };
  return (
    <Section
      trans={trans}
      title={trans.__('Access tokens')}
      about={trans.__(
        'For programs that cannot type a code: VS Code, PyCharm, scripts. A token can do at most what you can do, and not change anything on this page.'
      )}
      resource={tokens}
      empty={trans.__('No token yet.')}
    >
      <ul className="jp-totp-list">
        {tokens.data?.map(token => (
          <AccessToken
            key={token.id}
            trans={trans}
            token={token}
            act={act}
            revoke={() => act.run(() => revoke(token))}
          />
        ))}
      </ul>
      {made === null ? (
        <form className="jp-totp-inline" onSubmit={act.submit(create)}>
          <Field name="name" label={trans.__('What it is for')} value={name} onChange={setName} />
          <Field name="days" label={trans.__('Days')} value={days} onChange={setDays} type="number" />
          <ScopeChoice trans={trans} chosen={scopes} choose={setScopes} folder={folder} setFolder={setFolder} />
          <button
            className="jp-totp-button jp-totp-main"
            data-totp="create-token"
            disabled={act.busy || !name.trim()}
          >
            {trans.__('Make a token')}
          </button>
        </form>
      ) : (
        <MadeToken trans={trans} token={made} done={() => setMade(null)} />
      )}
      <Problem act={act} />
    </Section>
  );
}

interface IMadeProps {
  trans: IPanelProps['trans'];
  token: string;
  done: () => void;
}

function MadeToken({ trans, token, done }: IMadeProps): JSX.Element {
  const url = PageConfig.getBaseUrl();
  return (
    <div className="jp-totp-new">
      <p>
        <strong>{trans.__('It is shown only now.')}</strong>
      </p>
      <p className="jp-totp-secret">
        <code>{token}</code> <CopyButton trans={trans} text={token} />
      </p>
      <dl className="jp-totp-examples">
        <dt>VS Code</dt>
        <dd>
          {trans.__('“Select kernel”, “Existing Jupyter server”, and as its URL:')} <code>{`${url}?token=…`}</code>
        </dd>
        <dt>PyCharm</dt>
        <dd>
          {trans.__('“Configure Jupyter Server”, “Configured server”, and as its URL:')}{' '}
          <code>{`${url}?token=…`}</code>
        </dd>
        <dt>curl</dt>
        <dd>
          <code>{`curl -H "Authorization: token $TOKEN" ${url}api/contents`}</code>
        </dd>
        <dt>Python</dt>
        <dd>
          <code>{`KernelClient(server_url="${url}", token=token)`}</code>
        </dd>
      </dl>
      <Button onClick={done}>{trans.__('Done')}</Button>
    </div>
  );
}

interface ITokenProps {
  trans: IPanelProps['trans'];
  token: api.IAccessToken;
  act: IAct;
  revoke: () => void;
}

function AccessToken({ trans, token, act, revoke }: ITokenProps): JSX.Element {
  const until = when(trans, token.expires_at);
  const used = ago(trans, token.last_used_at, Date.now());
  return (
    <li>
      <div className="jp-totp-what">
        <strong>{token.name}</strong>
        <span>
          {token.last_used_from
            ? trans.__('until %1, last used %2 from %3', until, used, token.last_used_from)
            : trans.__('until %1, last used %2', until, used)}
        </span>
        <span>{inWords(trans, token)}</span>
      </div>
      <div className="jp-totp-acts">
        <Button
          hook="revoke-token"
          danger
          disabled={act.busy}
          onClick={revoke}
          label={trans.__('Revoke %1', token.name)}
        >
          {trans.__('Revoke')}
        </Button>
      </div>
    </li>
  );
}
