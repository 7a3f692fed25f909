/** What is done to the page as a whole. */
import { PageConfig, URLExt } from '@jupyterlab/coreutils';

/** Load it anew; the browser asks first where something is not saved. */
export function reload(): void {
  window.location.reload();
}

/** Leave for a page of this server, relative to its base URL. */
export function leaveFor(path: string): void {
  window.location.assign(URLExt.join(PageConfig.getBaseUrl(), path));
}

/** In a new tab, which knows nothing of this one. */
export function openBeside(path: string): void {
  window.open(URLExt.join(PageConfig.getBaseUrl(), path), '_blank', 'noopener');
}
