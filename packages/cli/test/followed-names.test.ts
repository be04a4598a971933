import { describe, expect, test } from 'vitest';
import { readName } from '../src/followed-names.ts';

const KEY = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';

describe('readName', () => {
  test('adds each name after the names before it', () => {
    const first = readName(`${KEY}=vpn.example:51820`);
    expect(readName(`${KEY}=other:1`, first)).toEqual([
      `${KEY}=vpn.example:51820`,
      `${KEY}=other:1`,
    ]);
  });

  test.each([
    '',
    KEY,
    `${KEY}=`,
    `${KEY}=host`,
    `${KEY}=host:0`,
    `${KEY}=host:65536`,
    `${KEY} host:1`,
    `${KEY}=192.0.2.1:51820`,
    `${KEY.slice(1)}=host:1`,
  ])('refuses %j, and says what it expects', (text) => {
    expect(() => readName(text)).toThrow('Expected the public key of a peer and a name');
  });
});
