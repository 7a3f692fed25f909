const A_SECOND = 1000;

export interface INotice {
  title: string;
  /** Asked anew each second, since they count down. */
  words: () => string;
  /** What stands on the button, and what it does. */
  label: string;
  act: () => void;
}

let corner: HTMLElement | null = null;

/** Where notices stand, one below the other: over whatever is open, and under the cover. */
export function inCorner(node: HTMLElement, isUrgent: boolean): void {
  if (corner === null || !corner.isConnected) {
    corner = document.createElement('div');
    corner.className = 'jp-totp-Corner';
    document.body.append(corner);
  }
  isUrgent ? corner.prepend(node) : corner.append(node);
}

/** Take something away, and give the focus back to what had it before this took it. */
export function takeAway(node: HTMLElement, focused: EventTarget | null): void {
  const isFocused = node.contains(document.activeElement);
  node.remove();
  if (isFocused && focused instanceof HTMLElement) {
    focused.focus();
  }
}

let ids = 0;

/**
 * Words and a button in the corner.
 *
 * Not a dialog of JupyterLab's: that one waits until another is closed, and takes the keys from whoever
 * comes back and types.
 */
export class Notice {
  private readonly _node = document.createElement('div');
  private readonly _words = document.createElement('p');
  private readonly _timer: number;
  /** What had the focus before the button took it. */
  private _focused: EventTarget | null = null;

  constructor(private readonly notice: INotice) {
    const title = document.createElement('h2');
    title.id = `jp-totp-notice-title-${++ids}`;
    title.textContent = notice.title;
    this._words.id = `jp-totp-notice-words-${ids}`;
    const button = document.createElement('button');
    button.className = 'jp-totp-button jp-totp-main';
    button.textContent = notice.label;
    button.addEventListener('click', notice.act);
    this._node.className = 'jp-totp-Notice';
    // Screen readers say at once what is in it, and it leaves the focus where it is.
    this._node.setAttribute('role', 'alertdialog');
    this._node.setAttribute('aria-labelledby', title.id);
    this._node.setAttribute('aria-describedby', this._words.id);
    this._node.append(title, this._words, button);
    this._node.addEventListener('focusin', event => (this._focused = event.relatedTarget));
    this._say();
    inCorner(this._node, true);
    this._timer = window.setInterval(() => this._say(), A_SECOND);
  }

  close(): void {
    window.clearInterval(this._timer);
    takeAway(this._node, this._focused);
  }

  private _say(): void {
    this._words.textContent = this.notice.words();
  }
}
