import { describe, expect, test } from 'vitest';
import { iniLines } from '../../src/proxy/ini-lines.ts';

describe('iniLines', () => {
  test('gives each line its section and number', () => {
    const text = '# top\nWGConfig = /etc/wg.conf\n\n[Socks5] ; ours\nBindAddress=1:2\r\n; end\n';
    expect(iniLines(text)).toMatchObject([
      {
        number: 2,
        section: undefined,
        header: false,
        key: 'wgconfig',
        name: 'WGConfig',
        value: '/etc/wg.conf',
      },
      { number: 4, section: 'socks5', header: true, key: undefined },
      { number: 5, section: 'socks5', header: false, key: 'bindaddress', value: '1:2' },
    ]);
  });

  test.each<[text: string, value: string]>([
    ['plain', 'plain'],
    ['plain # comment', 'plain'],
    ['plain ; comment', 'plain'],
    ['"a # b" # comment', 'a # b'],
    ["'a;b'", 'a;b'],
    ['`a"b`', 'a"b'],
    ['a = b', 'a = b'],
    ['', ''],
  ])('reads the value %j', (text, value) => {
    expect(iniLines(`Password = ${text}`)[0].value).toBe(value);
  });

  test('gives no name to a line without an equals sign', () => {
    expect(iniLines('garbage')).toMatchObject([{ name: undefined, header: false }]);
  });
});
