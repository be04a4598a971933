import { describe, expect, it } from 'vitest';
import { readPageAddress } from '../src/page-address.ts';

describe('readPageAddress', () => {
  it.each([
    ['127.0.0.1:51872', { host: '127.0.0.1', port: 51_872 }],
    ['localhost:0', { host: '127.0.0.1', port: 0 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
  ])('reads %s', (text, address) => expect(readPageAddress('--x', text)).toEqual(address));

  it.each(['', '80', '0.0.0.0:80', '127.0.0.1', '127.0.0.1:65536', '10.0.0.1:80', '::1:80'])(
    'refuses %s',
    (text) => {
      expect(() => readPageAddress('--x', text)).toThrow('--x expected a loopback address and');
    },
  );
});
