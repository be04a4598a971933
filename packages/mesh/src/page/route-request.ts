/**
 * `routeRequest`: what a request to the status page gets. Pure.
 *
 * The page is for people at this machine. A page of somebody else's, open in the same browser, must not
 * read it: not by a name that resolves to a loopback address after all (DNS rebinding), which is why the
 * name that was asked for has to be one of ours, and not from another origin.
 *
 * @module
 */

/** What of a request counts. */
export interface PageRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly host: string | undefined;
  /** Where a browser says the request comes from (`Sec-Fetch-Site`). */
  readonly site: string | undefined;
}

export type PageRoute =
  | { readonly kind: 'file'; readonly file: PageFile }
  | { readonly kind: 'status' }
  | { readonly kind: 'events' }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refusal'; readonly status: 403 | 404 | 405; readonly text: string };

/** A file of the page, and how it's called to browsers. */
export interface PageFile {
  readonly name: string;
  readonly type: string;
}

export function routeRequest({ method, url, host, site }: PageRequest): PageRoute {
  if (host === undefined || !LOOPBACK_HOST.test(host)) {
    const text = 'this page answers to localhost, 127.0.0.1 and [::1] only';
    return { kind: 'refusal', status: 403, text };
  }
  if (method !== 'GET' && method !== 'HEAD') {
    return { kind: 'refusal', status: 405, text: 'this page can only be read' };
  }
  const [path = ''] = url.split('?', 1);
  const file = PAGE_FILES.get(path);
  if (file) return { kind: 'file', file };
  // Browsers ask for it by themselves.
  if (path === '/favicon.ico') return { kind: 'nothing' };
  if (path !== '/status.json' && path !== '/events') {
    return { kind: 'refusal', status: 404, text: 'there is no such page' };
  }
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    return { kind: 'refusal', status: 403, text: 'this is not for pages of others' };
  }
  return { kind: path === '/events' ? 'events' : 'status' };
}

/** All that is served, by path. */
export const PAGE_FILES: ReadonlyMap<string, PageFile> = new Map(
  [
    'page.css',
    ...['page', 'chart', 'element', 'layout', 'peers-table', 'picture', 'rates', 'words'].map(
      (name) => `${name}.js`,
    ),
  ]
    .map((name): [string, PageFile] => [
      `/${name}`,
      { name, type: name.endsWith('.css') ? 'text/css' : 'text/javascript' },
    ])
    .concat([['/', { name: 'index.html', type: 'text/html' }]]),
);

/** Ports may differ: somebody may have forwarded one. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;
