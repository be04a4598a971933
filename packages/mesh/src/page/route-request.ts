/**
 * `routeRequest`: decides how the status page answers a request. Pure.
 *
 * The page is for users of this machine. Another page in the same browser must not read the status.
 * So a request is refused if its `Host` header does not name the loopback interface. A request for
 * the status is also refused if a page of another origin makes it.
 *
 * @module
 */
import { isLoopbackHost } from '../http/loopback-host.ts';

/** The parts of an HTTP request that decide what the answer is. */
export interface PageRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** The header `Host`. */
  readonly host: string | undefined;
  /**
   * The header `Sec-Fetch-Site`, in which a browser says whether the page that makes the request
   * has the same origin.
   */
  readonly site: string | undefined;
}

export type PageRoute =
  | { readonly kind: 'file'; readonly file: PageFile }
  | { readonly kind: 'status' }
  | { readonly kind: 'events' }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refusal'; readonly status: 403 | 404 | 405; readonly text: string };

/** A file of a page, and its media type for `Content-Type`. */
export interface PageFile {
  readonly location: URL;
  readonly type: string;
}

/** All files of a page, by the path in its URL. `/` is the page itself. */
export type PageFiles = ReadonlyMap<string, PageFile>;

/** @param files the files of the page */
export function routeRequest(
  { method, url, host, site }: PageRequest,
  files: PageFiles,
): PageRoute {
  if (!isLoopbackHost(host)) {
    const text = 'the header Host must be localhost, 127.0.0.1 or [::1]';
    return { kind: 'refusal', status: 403, text };
  }
  if (method !== 'GET' && method !== 'HEAD') {
    return { kind: 'refusal', status: 405, text: 'the method must be GET or HEAD' };
  }
  const [path = ''] = url.split('?', 1);
  const file = files.get(path);
  if (file) return { kind: 'file', file };
  // Browsers request this file by themselves; the page has none.
  if (path === '/favicon.ico') return { kind: 'nothing' };
  if (path !== '/status.json' && path !== '/events') {
    return { kind: 'refusal', status: 404, text: 'this path does not exist' };
  }
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    return {
      kind: 'refusal',
      status: 403,
      text: 'pages of other origins must not read the status',
    };
  }
  return { kind: path === '/events' ? 'events' : 'status' };
}
