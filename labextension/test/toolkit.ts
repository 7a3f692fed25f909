/** JupyterLab's dialogs, answered by the test; the real ones bring half of JupyterLab with them. */

interface IResult {
  button: { accept: boolean };
  value: unknown;
}

export class Dialog {
  static shown: Dialog[] = [];
  static cancelButton = (button: object) => ({ accept: false, ...button });
  static okButton = (button: object) => ({ accept: true, ...button });
  static warnButton = Dialog.okButton;

  private _answer: (result: IResult) => void = () => undefined;
  private readonly _result = new Promise<IResult>(resolve => (this._answer = resolve));

  constructor(readonly options: any) {
    Dialog.shown.push(this);
  }

  launch(): Promise<IResult> {
    return this._result;
  }

  answer(accept: boolean, value: unknown = null): void {
    this._answer({ button: { accept }, value });
  }
}

export const showDialog = (options: object) => new Dialog(options).launch();

export const Notification = { warning: jest.fn() };

export const Clipboard = { copyToSystem: () => undefined };

export class ReactWidget {
  readonly node = document.createElement('div');
  addClass(): void {}
}
