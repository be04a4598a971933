import { describe, expect, test } from 'vitest';
import {
  formatHostPort,
  isOpenToOthers,
  readListenAddress,
  readTarget,
} from '../../src/proxy/addresses.ts';

describe('readListenAddress', () => {
  test.each<[text: string, host: string | undefined, port: number]>([
    ['1080', '127.0.0.1', 1080],
    ['0', '127.0.0.1', 0],
    [':1080', undefined, 1080],
    ['*:1080', undefined, 1080],
    ['0.0.0.0:1', '0.0.0.0', 1],
    ['127.0.0.1:65535', '127.0.0.1', 65_535],
    ['localhost:8080', 'localhost', 8080],
    ['[::1]:8080', '::1', 8080],
    ['[::]:0', '::', 0],
  ])('reads %s', (text, host, port) => {
    expect(readListenAddress(text)).toEqual({ host, port });
  });

  test('reads a port without an address as this port of all addresses, if the caller asks for that', () => {
    expect(readListenAddress('80', 'all')).toEqual({ host: undefined, port: 80 });
  });

  test.each(['', ':', '65536', '-1', '1080a', '127.0.0.1', '127.0.0.1:', '127.1:80', 'a b:80'])(
    'refuses %j',
    (text) => {
      expect(readListenAddress(text)).toBeUndefined();
    },
  );
});

describe('readTarget', () => {
  test.each<[text: string, host: string, port: number]>([
    ['10.0.0.2:80', '10.0.0.2', 80],
    ['db.example:5432', 'db.example', 5432],
    ['[fd00::2]:22', 'fd00::2', 22],
    // For `%h:%p`, ssh passes an IPv6 address without brackets.
    ['fd00::2:22', 'fd00::2', 22],
    ['::1:22', '::1', 22],
  ])('reads %s', (text, host, port) => {
    expect(readTarget(text)).toEqual({ host, port });
  });

  test.each(['', '80', ':80', '10.0.0.2', '10.0.0.2:0', '10.0.0.2:65536', '[fd00::2]', 'a b:80'])(
    'refuses %j',
    (text) => {
      expect(readTarget(text)).toBeUndefined();
    },
  );
});

describe('formatHostPort', () => {
  test.each(['127.0.0.1:80', '[::1]:80', '*:80'])(
    'writes %s in the form that readListenAddress reads',
    (text) => {
      expect(formatHostPort(readListenAddress(text)!)).toBe(text);
    },
  );
});

describe('isOpenToOthers', () => {
  test.each<[host: string | undefined, open: boolean]>([
    [undefined, true],
    ['0.0.0.0', true],
    ['192.0.2.1', true],
    ['::', true],
    ['example.org', true],
    ['127.0.0.1', false],
    ['127.3.2.1', false],
    ['::1', false],
    ['localhost', false],
  ])('of %s is %s', (host, open) => {
    expect(isOpenToOthers(host)).toBe(open);
  });
});
