import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { MESH_PAGE_FILES } from '../../src/page/page-files.ts';
import { routeRequest, type PageRequest } from '../../src/page/route-request.ts';

const folder = join(import.meta.dirname, '../../page');

describe('routeRequest', () => {
  test('returns the page and its files', () => {
    expect(route({ url: '/' })).toEqual({
      kind: 'file',
      file: { location: locationOf('index.html'), type: 'text/html' },
    });
    expect(route({ url: '/page.js?x=1' })).toEqual({
      kind: 'file',
      file: { location: locationOf('page.js'), type: 'text/javascript' },
    });
    expect(route({ url: '/page.css', method: 'HEAD' })).toMatchObject({ kind: 'file' });
    expect(route({ url: '/favicon.ico' })).toEqual({ kind: 'nothing' });
  });

  test('returns the status, once or as events', () => {
    expect(route({ url: '/status.json' })).toEqual({ kind: 'status' });
    expect(route({ url: '/events?' })).toEqual({ kind: 'events' });
  });

  test.each([
    'localhost',
    'LOCALHOST:8080',
    '127.0.0.1',
    '127.0.0.1:51872',
    '127.9.8.7',
    '[::1]:1',
  ])('accepts the host %s', (host) => expect(route({ host })).toMatchObject({ kind: 'file' }));

  test.each([
    undefined,
    '',
    'example.com',
    'localhost.example.com',
    'example.com:127',
    '127.0.0.1.example.com',
    '10.0.0.1',
    '[::2]',
    'localhost:1:2',
    'localhost/',
    ' localhost',
  ])('refuses a request for host %j on every path', (host) => {
    expect(route({ host })).toMatchObject({ kind: 'refusal', status: 403 });
    expect(route({ host, url: '/status.json' })).toMatchObject({ kind: 'refusal', status: 403 });
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'get', ''])(
    'refuses the method %j',
    (method) => {
      expect(route({ method })).toMatchObject({ kind: 'refusal', status: 405 });
    },
  );

  test.each([
    '/page',
    '//page.js',
    '/../package.json',
    '/page.js/',
    '/%70age.js',
    '*',
    '',
    'http://localhost/',
  ])('refuses the path %j', (url) =>
    expect(route({ url })).toMatchObject({ kind: 'refusal', status: 404 }),
  );

  test('refuses the status to a page of another origin, and allows a link to the page', () => {
    for (const url of ['/status.json', '/events']) {
      for (const site of ['cross-site', 'same-site']) {
        expect(route({ url, site })).toMatchObject({ kind: 'refusal', status: 403 });
      }
      expect(route({ url, site: 'same-origin' }).kind).not.toBe('refusal');
      expect(route({ url, site: 'none' }).kind).not.toBe('refusal');
    }
    expect(route({ url: '/', site: 'cross-site' })).toMatchObject({ kind: 'file' });
  });
});

function locationOf(name: string): URL {
  return pathToFileURL(join(folder, name));
}

function route(request: Partial<PageRequest>): ReturnType<typeof routeRequest> {
  const usual = { method: 'GET', url: '/', host: 'localhost:51872', site: undefined };
  return routeRequest({ ...usual, ...request }, MESH_PAGE_FILES);
}
