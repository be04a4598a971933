import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Credentials } from '../../src/proxy/credentials.ts';

const credentials = new Credentials('ada', 'pa:ss wört');

describe('Credentials', () => {
  test.each<[name: string, password: string, right: boolean]>([
    ['ada', 'pa:ss wört', true],
    ['ada', 'pa:ss wort', false],
    ['ad', 'apa:ss wört', false],
    ['adapa', ':ss wört', false],
    ['', '', false],
    ['a'.repeat(300), 'pa:ss wört', false],
  ])('compares the name %j and the password %j', (name, password, right) => {
    expect(credentials.match(Buffer.from(name), Buffer.from(password))).toBe(right);
  });

  test.each<[header: string | undefined, right: boolean]>([
    [basic('ada:pa:ss wört'), true],
    [basic('ada:pa:ss wört').replace('Basic', 'basic '), true],
    [basic('ada:pa'), false],
    [basic('ada'), false],
    ['Bearer YWRh', false],
    ['Basic', false],
    ['Basic %%%', false],
    [undefined, false],
  ])('reads the header %j', (header, right) => {
    expect(credentials.matchBasic(header)).toBe(right);
  });

  test('refuses a name or a password of more than 255 bytes, which RFC 1929 cannot carry', () => {
    expect(() => new Credentials('é'.repeat(128), 'x')).toThrow('the name has more than 255 bytes');
    expect(() => new Credentials('x', 'p'.repeat(256))).toThrow('the password has more than');
  });

  test('never shows the password', () => {
    const shown =
      inspect(credentials, { depth: 9, showHidden: true }) + JSON.stringify(credentials);
    expect(shown).not.toContain('pa:ss');
  });
});

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}
