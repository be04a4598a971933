/**
 * `pageFiles`: the files of a page in a folder, and the files that all pages share.
 *
 * @module
 */
import type { PageFile, PageFiles } from './route-request.ts';

/**
 * Returns files of one folder, with their paths in the URL.
 *
 * @param folder the URL of the folder, with a slash at the end
 * @param names the names of the files; `index.html` gets the path `/`
 * @param path the path of the folder in the URL, with a slash at the end
 */
export function pageFiles(folder: URL, names: readonly string[], path = '/'): PageFiles {
  return new Map(
    names.map((name): [string, PageFile] => [
      name === 'index.html' ? '/' : `${path}${name}`,
      { location: new URL(name, folder), type: typeOf(name) },
    ]),
  );
}

function typeOf(name: string): string {
  if (name.endsWith('.html')) return 'text/html';
  return name.endsWith('.css') ? 'text/css' : 'text/javascript';
}

/** The relative path is the same from `src/page` and from `dist/page`. */
const FOLDER = new URL('../../page/', import.meta.url);

/** The names of the files that other pages use too. */
export const SHARED_FILES: readonly string[] = [
  'page.css',
  'chart.js',
  'connection.js',
  'element.js',
  'peers-table.js',
  'words.js',
];

/**
 * The shared files, served under `/mesh/page/`. A page in `packages/NAME/page` is served under
 * `/NAME/page/`. So its relative imports of the shared files lead to the right files for browsers
 * and for the compiler.
 */
export const SHARED_PAGE_FILES: PageFiles = pageFiles(FOLDER, SHARED_FILES, '/mesh/page/');

/** The page of a mesh. */
export const MESH_PAGE_FILES: PageFiles = pageFiles(FOLDER, [
  'index.html',
  'page.js',
  'layout.js',
  'mesh-columns.js',
  'picture.js',
  'rates.js',
  ...SHARED_FILES,
]);
