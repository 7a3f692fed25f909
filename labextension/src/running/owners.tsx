import { IRunningSessionManagers, IRunningSessions } from '@jupyterlab/running';
import { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import { ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';

import { IOwner, running } from '../api';
import { Face } from '../parts';

type Item = IRunningSessions.IRunningItem;

/**
 * The names beside what runs. JupyterLab lists items when it likes, and at once; who has started them is asked behind
 * that, whenever the list is another one, and the names come into their places when they are known.
 */
export class Owners {
  private readonly _owners = new Map<string, IOwner>();
  private readonly _changed = new Signal<this, void>(this);
  /** What each section listed last, as far as it has been asked about. */
  private readonly _listed = new Map<IRunningSessions.IManager, string>();
  private _isAsking = false;
  private _isLate = false;

  constructor(
    managers: IRunningSessionManagers,
    private readonly trans: TranslationBundle
  ) {
    managers.items().forEach(manager => this._watch(manager));
    managers.added.connect((_, manager) => this._watch(manager));
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Who has started it; undefined: nobody, or not known yet. */
  of(key: string): IOwner | undefined {
    return this._owners.get(key);
  }

  private _watch(manager: IRunningSessions.IManager): void {
    const list = manager.running.bind(manager);
    manager.running = options => {
      const items = list(options);
      const keys = items.flatMap(item => this._name(item));
      const now = keys.sort().join(' ');
      if (keys.length > 0 && this._listed.get(manager) !== now) {
        this._listed.set(manager, now);
        void this._ask();
      }
      return items;
    };
  }

  /** Put the name of its owner beside an item, or beside what is in it. */
  private _name(item: Item): string[] {
    const key = keyOf(item);
    if (key === null) {
      return (item.children ?? []).flatMap(child => this._name(child));
    }
    const label = item.label.bind(item);
    item.label = () => <Owned owners={this} name={key} label={label()} trans={this.trans} />;
    return [key];
  }

  private async _ask(): Promise<void> {
    this._isLate = this._isAsking;
    if (this._isAsking) {
      return;
    }
    this._isAsking = true;
    try {
      const { kernels, terminals } = await running();
      this._owners.clear();
      kernels.forEach(one => this._owners.set(kernelKey(one.id), one));
      terminals.forEach(one => this._owners.set(terminalKey(one.name), one));
      this._changed.emit();
    } catch {
      // Signed out, or no server part of ours: the next list asks again.
      this._listed.clear();
    } finally {
      this._isAsking = false;
    }
    if (this._isLate) {
      await this._ask();
    }
  }
}

const kernelKey = (id: string) => `kernel ${id}`;
const terminalKey = (name: string) => `terminal ${name}`;

/** What an item stands for; null for a group of others, and for what nobody starts: tabs, recent files. */
function keyOf(item: Item): string | null {
  if (item.context && /\bjp-mod-kernel(-widget)?\b/.test(item.className ?? '')) {
    return kernelKey(item.context);
  }
  const label = item.label();
  const name = typeof label === 'string' ? /^terminals\/(.+)$/.exec(label)?.[1] : undefined;
  return name === undefined ? null : terminalKey(name);
}

interface IOwnedProps {
  owners: Owners;
  name: string;
  label: React.ReactNode;
  trans: TranslationBundle;
}

function Owned({ owners, name, label, trans }: IOwnedProps): JSX.Element {
  return (
    <span className="jp-totp-Owned">
      <span className="jp-totp-Owned-label">{label}</span>
      <UseSignal signal={owners.changed}>{() => <Owner owner={owners.of(name)} trans={trans} />}</UseSignal>
    </span>
  );
}

function Owner({ owner, trans }: { owner?: IOwner; trans: TranslationBundle }): JSX.Element {
  if (owner === undefined) {
    return <></>;
  }
  return (
    <span className="jp-totp-Owner" title={trans.__('Started by %1 (%2)', owner.display_name, owner.username)}>
      <Face me={owner} />
      <span className="jp-totp-Owner-name">{owner.mine ? trans.__('you') : owner.display_name}</span>
    </span>
  );
}
