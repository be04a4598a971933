/**
 * The server of status pages, for packages that have a page of their own.
 *
 * @module
 */
export { pageFiles, SHARED_PAGE_FILES } from './page-files.ts';
export type { PageFile, PageFiles } from './route-request.ts';
export type { PageSource } from './status-feed.ts';
export { StatusPage, type StatusPageOptions } from './status-page.ts';
