import { formatKey, parseCidr, parseEndpoint, parsePresharedKey } from '@litz/core';
import { describe, expect, it } from 'vitest';
import type { WgQuickConfig, WgQuickInput } from '../../src/wg-quick/config.ts';
import { formatConfig } from '../../src/wg-quick/format-config.ts';
import { parseConfig } from '../../src/wg-quick/parse-config.ts';
import { presharedKey, privateKey, publicKey } from '../keys.ts';

const A = formatKey(publicKey(1));
const B = formatKey(publicKey(2));
const TEXT = `# my tunnel

[interface]   # ours
  ListenPort=51820   # the usual one
Address = 10.0.0.1/24,fd00::1/64
PostUp = one
PostUp = two

# laptop
[Peer]
AllowedIPs = 10.0.0.2
PublicKey = ${A}

# phone
[Peer]
PublicKey = ${B}
Endpoint = phone.example.org:51820
`;

describe('formatConfig', () => {
  it('returns the text that was read', () => {
    for (const text of [TEXT, TEXT.replaceAll('\n', '\r\n'), TEXT.trimEnd(), '', '\n', '# x']) {
      expect(formatConfig(parseConfig(text))).toBe(text);
    }
  });

  it('rewrites only the changed fields', () => {
    const config = parseConfig(TEXT);
    config.interface.listenPort = 1;
    config.interface.postUp = ['three'];
    config.peers[1].endpoint = parseEndpoint('192.0.2.1:2');
    const expected = TEXT.replace('ListenPort=51820', 'ListenPort=1')
      .replace('PostUp = one\nPostUp = two', 'PostUp = three')
      .replace('phone.example.org:51820', '192.0.2.1:2');
    expect(formatConfig(config)).toBe(expected);
  });

  it('adds a new field after the last field of its section', () => {
    const config = parseConfig(TEXT);
    config.interface.mtu = 1400;
    config.peers[0].persistentKeepalive = 0;
    const expected = TEXT.replace('PostUp = two\n', 'PostUp = two\nMTU = 1400\n').replace(
      `PublicKey = ${A}\n`,
      `PublicKey = ${A}\nPersistentKeepalive = off\n`,
    );
    expect(formatConfig(config)).toBe(expected);
  });

  it('writes keys, addresses, prefixes and endpoints that were set as text', () => {
    const config: WgQuickInput = parseConfig(TEXT);
    const key = privateKey(9).toBase64();
    config.interface.privateKey = key;
    config.interface.addresses = ['10.9.0.1/24'];
    const [peer] = config.peers;
    Object.assign(peer, {
      publicKey: B,
      presharedKey: key,
      endpoint: 'vpn.example.org:5',
      allowedIps: ['10.9.0.0/16'],
    });
    const written = parseConfig(formatConfig(config));
    expect(written.interface.privateKey).toEqual(privateKey(9));
    expect(written.interface.addresses).toEqual([parseCidr('10.9.0.1/24')]);
    expect(written.peers[0]).toMatchObject({
      publicKey: publicKey(2),
      presharedKey: parsePresharedKey(key),
      endpoint: { host: 'vpn.example.org', port: 5 },
      allowedIps: [parseCidr('10.9.0.0/16')],
    });
  });

  it.each<[string, object, RegExp]>([
    ['text that is not a key', { privateKey: 'abc' }, /^"interface.privateKey": private key: /],
    [
      'a key of another kind',
      { privateKey: publicKey(1) },
      /^"interface.privateKey": .* PublicKey/,
    ],
    ['a key of zeros', { privateKey: new Uint8Array(32) }, /^"interface.privateKey": .* all zeros/],
    ['no key', { privateKey: null }, /^"interface.privateKey": .* got null/],
    [
      'a port',
      { listenPort: 99_999 },
      /^"interface.listenPort" expected an integer from 0 to 65535/,
    ],
    ['a port as text', { listenPort: '51820' }, /^"interface.listenPort" /],
    ['a mark', { fwmark: 2 ** 32 }, /^"interface.fwmark" /],
    ['an MTU', { mtu: 67 }, /^"interface.mtu" expected an integer from 68 to 65535/],
    ['a table', { table: -1 }, /^"interface.table" expected an integer from 0 to 4294967295/],
    ['a table by name', { table: 'x\nPostUp = true' }, /^"interface.table" /],
    ['an address', { addresses: ['10.0.0.1/33'] }, /^"interface.addresses\[0\]": /],
    ['addresses that are not an array', { addresses: '10.0.0.1/8' }, /^"interface.addresses" /],
    ['a DNS server with a second line', { dns: ['1.1.1.1\nPostUp = x'] }, /^"interface.dns\[0\]" /],
    ['a command with a second line', { postUp: ['a', 'b\nc'] }, /^"interface.postUp\[1\]" /],
    [
      'a command with a #, where a comment would begin',
      { preUp: ['a # b'] },
      /^"interface.preUp\[0\]" /,
    ],
    ['an empty command', { preDown: [''] }, /^"interface.preDown\[0\]" /],
    ['a flag', { saveConfig: 'true' }, /^"interface.saveConfig" expected true or false/],
  ])('refuses an interface with a wrong value (%s)', (_, wrong, message) => {
    for (const config of [parseConfig(TEXT), wholeConfig()]) {
      Object.assign(config.interface, wrong);
      expect(() => formatConfig(config)).toThrow(message);
    }
  });

  it.each<[string, object, RegExp]>([
    ['no key', { publicKey: undefined }, /^"peers\[0\].publicKey": public key: .* undefined/],
    ['text that is not a key', { publicKey: 'abc' }, /^"peers\[0\].publicKey": /],
    ['a preshared key', { presharedKey: '' }, /^"peers\[0\].presharedKey": /],
    ['a keepalive', { persistentKeepalive: 65_536 }, /^"peers\[0\].persistentKeepalive" /],
    ['an endpoint', { endpoint: '192.0.2.1' }, /^"peers\[0\].endpoint": /],
    ['a port of an endpoint', { endpoint: { host: 'a', port: 0 } }, /^"peers\[0\].endpoint.port" /],
    [
      'a host with a second line',
      { endpoint: { host: 'a\nb', port: 1 } },
      /^"peers\[0\].endpoint": /,
    ],
    ['a prefix', { allowedIps: ['10.0.0.0/8', '::/129'] }, /^"peers\[0\].allowedIps\[1\]": /],
    [
      'a prefix length',
      { allowedIps: [{ address: new Uint8Array(16), prefixLength: 129 }] },
      /^"peers\[0\].allowedIps\[0\].prefixLength" expected an integer from 0 to 128/,
    ],
    ['a flag', { incremental: 1 }, /^"peers\[0\].incremental" expected true or false/],
  ])('refuses a peer with a wrong value (%s)', (_, wrong, message) => {
    for (const config of [parseConfig(TEXT), wholeConfig()]) {
      Object.assign(config.peers[0], wrong);
      expect(() => formatConfig(config)).toThrow(message);
    }
  });

  it('removes a field', () => {
    const config = parseConfig(TEXT);
    config.interface.addresses = [];
    delete config.peers[1].endpoint;
    const expected = TEXT.replace('Address = 10.0.0.1/24,fd00::1/64\n', '').replace(
      'Endpoint = phone.example.org:51820\n',
      '',
    );
    expect(formatConfig(config)).toBe(expected);
  });

  it('removes a peer together with the comment above it', () => {
    const config = parseConfig(TEXT);
    config.peers.shift();
    const from = TEXT.indexOf('# laptop');
    expect(formatConfig(config)).toBe(TEXT.slice(0, from) + TEXT.slice(TEXT.indexOf('# phone')));
  });

  it('ends with a line feed when the last peer is removed', () => {
    const config = parseConfig(`[Interface]\nMTU=1400\n[Peer]\nPublicKey=${A}\n`);
    config.peers.pop();
    expect(formatConfig(config)).toBe('[Interface]\nMTU=1400\n');
  });

  it('adds a peer at the end', () => {
    const config = parseConfig('[Interface]\r\nMTU = 1400\r\n');
    config.peers.push({ publicKey: publicKey(1), allowedIps: [parseCidr('10.0.0.0/8')] });
    expect(formatConfig(config)).toBe(
      `[Interface]\r\nMTU = 1400\r\n\r\n[Peer]\r\nPublicKey = ${A}\r\nAllowedIPs = 10.0.0.0/8\r\n`,
    );
  });

  it('adds an [Interface] section to a file without one', () => {
    const config = parseConfig(`[Peer]\nPublicKey = ${A}\n`);
    config.interface.listenPort = 1;
    expect(formatConfig(config)).toBe(`[Interface]\nListenPort = 1\n\n[Peer]\nPublicKey = ${A}\n`);
  });

  it('keeps an unusual order of sections', () => {
    const text = `[Peer]\nPublicKey = ${A}\n[Interface]\nMTU = 1400\n[Peer]\nPublicKey = ${B}\n`;
    const config = parseConfig(text);
    config.interface.mtu = 1300;
    expect(formatConfig(config)).toBe(text.replace('1400', '1300'));
  });

  it('rewrites a field in the first [Interface] section that has it, and removes the other lines of the field', () => {
    const text = `[Interface]\nMTU = 1400\n\n[Peer]\nPublicKey = ${A}\n\n[Interface]\nListenPort = 1\nMTU = 1300 # of both\nPreUp =\n`;
    const config = parseConfig(text);
    expect(formatConfig(config)).toBe(text);
    config.interface.listenPort = 2;
    config.interface.table = 'main';
    expect(formatConfig(config)).toBe(
      text.replace('ListenPort = 1', 'ListenPort = 2').replace('PreUp =', 'PreUp =\nTable = main'),
    );
    config.interface.mtu = 1280;
    config.interface.preUp = ['one'];
    expect(formatConfig(config)).toBe(
      text
        .replace('ListenPort = 1', 'ListenPort = 2')
        .replace('MTU = 1400', 'MTU = 1280')
        .replace('MTU = 1300 # of both\n', '')
        .replace('PreUp =', 'PreUp =one\nTable = main'),
    );
  });

  it('writes a changed list in one line', () => {
    const config = parseConfig('[Interface]\nAddress = 10.0.0.1/8\nMTU = 1400\nAddress = ::1/64\n');
    config.interface.addresses.push(parseCidr('10.0.0.2/32'));
    expect(formatConfig(config)).toBe(
      '[Interface]\nAddress = 10.0.0.1/8, ::1/64, 10.0.0.2/32\nMTU = 1400\n',
    );
  });

  it('writes a new config in the usual form, which parseConfig reads again', () => {
    const config = wholeConfig();
    const text = formatConfig(config);
    expect(text).toMatch(/^\[Interface\]\nPrivateKey = .{44}\nListenPort = 1\nFwMark = 0x10\n/);
    expect(parseConfig(text)).toEqual(config);
  });

  it('writes a copy of a parsed config in the usual form, without its comments', () => {
    const config = structuredClone(parseConfig('[Interface]\nmtu=1400 # x\n'));
    expect(formatConfig(config)).toBe('[Interface]\nMTU = 1400\n');
  });
});

function wholeConfig(): WgQuickConfig {
  return {
    interface: {
      privateKey: privateKey(1),
      listenPort: 1,
      fwmark: 16,
      addresses: [parseCidr('10.0.0.1/24')],
      dns: ['1.1.1.1', 'example.org'],
      mtu: 1400,
      table: 'off',
      preUp: ['a, b'],
      postUp: [],
      preDown: ['c', 'd'],
      postDown: [],
      saveConfig: false,
    },
    peers: [
      {
        publicKey: publicKey(2),
        presharedKey: presharedKey(3),
        allowedIps: [parseCidr('10.0.0.0/8'), { ...parseCidr('10.1.0.0/16'), remove: true }],
        incremental: true,
        endpoint: parseEndpoint('[fe80::1%2]:3'),
        persistentKeepalive: 25,
      },
      { publicKey: publicKey(4), allowedIps: [], endpoint: parseEndpoint('vpn.example.org:4') },
    ],
  };
}

describe('formatConfig with wrong input', () => {
  const EMPTY = { addresses: [], dns: [], preUp: [], postUp: [], preDown: [], postDown: [] };
  const KEY = Buffer.alloc(32, 9).toString('base64');

  it.each<[string, unknown]>([
    ['"interface" expected one of', { interface: { ...EMPTY, privatekey: KEY }, peers: [] }],
    ['"config" expected one of', { interface: EMPTY, peers: [], peer: [] }],
    [
      '"peers[0]" expected one of',
      { interface: EMPTY, peers: [{ publicKey: KEY, allowedIps: [], remove: true }] },
    ],
    [
      'expected text that fits into a line',
      { interface: { ...EMPTY, postUp: ['a\0b'] }, peers: [] },
    ],
    [
      'expected text that fits into a line',
      {
        interface: EMPTY,
        peers: [{ publicKey: KEY, allowedIps: [], endpoint: '[fe80::1%a#b]:5' }],
      },
    ],
  ])('throws %s', (message, config) => {
    expect(() => formatConfig(config as never)).toThrow(message);
  });
});
