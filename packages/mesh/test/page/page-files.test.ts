import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MESH_PAGE_FILES, pageFiles, SHARED_PAGE_FILES } from '../../src/page/page-files.ts';

const folder = join(import.meta.dirname, '../../page');

describe('pageFiles', () => {
  test('gives each file a path and a media type', () => {
    const files = pageFiles(new URL('file:///a/'), ['index.html', 'x.js', 'y.css'], '/b/');
    expect(Array.from(files, ([path, { location, type }]) => [path, location.href, type])).toEqual([
      ['/', 'file:///a/index.html', 'text/html'],
      ['/b/x.js', 'file:///a/x.js', 'text/javascript'],
      ['/b/y.css', 'file:///a/y.css', 'text/css'],
    ]);
  });
});

describe('MESH_PAGE_FILES', () => {
  test('exist, and the folder has no other file for browsers', () => {
    const files = [...MESH_PAGE_FILES.values()].map(({ location }) => location);
    for (const file of files) expect([file.href, existsSync(file)]).toEqual([file.href, true]);
    const there = readdirSync(folder).filter((name) => /\.(?:js|css|html)$/.test(name));
    const names = files.map(({ pathname }) => pathname.split('/').at(-1));
    expect(new Set(names)).toEqual(new Set(there));
  });
});

describe('SHARED_PAGE_FILES', () => {
  test('are files of the page of a mesh, and import only shared files', () => {
    const locations = new Set([...MESH_PAGE_FILES.values()].map(({ location }) => location.href));
    for (const [path, { location }] of SHARED_PAGE_FILES) {
      expect([path, locations.has(location.href)]).toEqual([path, true]);
      for (const [, name = ''] of readFileSync(location, 'utf8').matchAll(/ from '\.\/(.*)';$/gm)) {
        expect([path, name, SHARED_PAGE_FILES.has(`/mesh/page/${name}`)]).toEqual([
          path,
          name,
          true,
        ]);
      }
    }
  });
});
