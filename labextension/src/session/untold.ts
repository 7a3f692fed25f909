import { Notification } from '@jupyterlab/apputils';

/** In ms. JupyterLab keeps it in its list of notifications afterwards. */
export const SHOWN_FOR = 10_000;

/**
 * Refusals that nobody tells a person.
 *
 * JupyterLab has a dialog for a save, a kernel, or the launcher's cards; a terminal from the menu, or a setting, fails
 * without a word. Then its promise is rejected and nobody looks, and that is when it is said here.
 */
export class UntoldRefusals {
  private readonly _sentences = new WeakMap<Response, string>();

  constructor() {
    window.addEventListener('unhandledrejection', event => {
      // By shape, not by class: each extension may bring its own services package.
      const response = event.reason?.response;
      const sentence = response instanceof Response ? this._sentences.get(response) : undefined;
      if (sentence !== undefined) {
        Notification.warning(sentence, { autoClose: SHOWN_FOR });
      }
    });
  }

  /** Remember what the server said. */
  note(response: Response, sentence: string): void {
    // Not of the layout, which JupyterLab writes by itself: a reader's is kept as long as the page.
    if (/\/api\/workspaces\//.test(response.url)) {
      return;
    }
    // A restart that fails is only in the browser's console: JupyterLab catches it and goes on.
    if (/\/api\/kernels\/[^/]+\/restart(\?|$)/.test(response.url)) {
      Notification.warning(sentence, { autoClose: SHOWN_FOR });
      return;
    }
    this._sentences.set(response, sentence);
  }
}
