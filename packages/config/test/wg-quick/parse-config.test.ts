import { inspect } from 'node:util';
import { Endpoint, formatKey, parseEndpoint, parsePublicKey } from '@litz/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatConfig } from '../../src/wg-quick/format-config.ts';
import { INTERFACE_FIELDS, PEER_FIELDS } from '../../src/wg-quick/fields.ts';
import { ConfigError } from '../../src/wg-quick/config-error.ts';
import { parseConfig } from '../../src/wg-quick/parse-config.ts';
import { presharedKey, privateKey, publicKey, RUNS } from '../keys.ts';

const PRIVATE = formatKey(privateKey(1));
const PUBLIC = formatKey(publicKey(2));
const FIELD_NAMES = [...INTERFACE_FIELDS, ...PEER_FIELDS].map(({ name }) => name);
const PRESHARED = formatKey(presharedKey(3));
/** The result for an empty [Interface]. */
const NOTHING = { addresses: [], dns: [], preUp: [], postUp: [], preDown: [], postDown: [] };

describe('parseConfig', () => {
  it('reads every field', () => {
    const config = parseConfig(`
[Interface]
PrivateKey = ${PRIVATE}
ListenPort = 51820
FwMark = 0xca6c
Address = 10.0.0.1/24, fd00::1/64
Address = 10.1.0.1
DNS = 1.1.1.1, example.org
MTU = 1400
Table = 1234
PreUp = echo 1, 2
PostUp = a = b
PostUp = c
PreDown = d
PostDown = e
SaveConfig = true

[Peer]
PublicKey = ${PUBLIC}
PresharedKey = ${PRESHARED}
AllowedIPs = 10.0.0.2/32, fd00::2/128
AllowedIPs = 192.168.0.0/16
Endpoint = 192.0.2.1:51820
PersistentKeepalive = 25
`);
    expect(config).toEqual({
      interface: {
        privateKey: privateKey(1),
        listenPort: 51820,
        fwmark: 51820,
        addresses: [v4(10, 0, 0, 1, 24), { address: v6(1), prefixLength: 64 }, v4(10, 1, 0, 1, 32)],
        dns: ['1.1.1.1', 'example.org'],
        mtu: 1400,
        table: 1234,
        preUp: ['echo 1, 2'],
        postUp: ['a = b', 'c'],
        preDown: ['d'],
        postDown: ['e'],
        saveConfig: true,
      },
      peers: [
        {
          publicKey: publicKey(2),
          presharedKey: presharedKey(3),
          allowedIps: [
            v4(10, 0, 0, 2, 32),
            { address: v6(2), prefixLength: 128 },
            v4(192, 168, 0, 0, 16),
          ],
          endpoint: new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820),
          persistentKeepalive: 25,
        },
      ],
    });
  });

  it('accepts field names and headers in any case, with any blanks and comments', () => {
    const text = `\uFEFF# mine\r\n [INTERFACE] # here\r\n\tlistenport=1#one\r\n\r\n[ peer ]\r\nPUBLICKEY = ${PUBLIC}\r\n`;
    const config = parseConfig(text);
    expect(config.interface.listenPort).toBe(1);
    expect(config.peers[0].publicKey).toEqual(publicKey(2));
  });

  it('reads the value "off"', () => {
    const config = parseConfig(
      `[Interface]\nFwMark=off\nTable=off\n[Peer]\nPublicKey=${PUBLIC}\nPersistentKeepalive=off`,
    );
    expect(config.interface).toMatchObject({ fwmark: 0, table: 'off' });
    expect(config.peers[0].persistentKeepalive).toBe(0);
  });

  it('treats an empty field of wg-quick as not set', () => {
    const names = ['Address', 'DNS', 'MTU', 'Table', 'PreUp', 'PostUp', 'PreDown', 'PostDown'];
    for (const name of names) {
      for (const value of ['', ' ', '\t# none']) {
        expect(parseConfig(`[Interface]\n${name} =${value}\n`).interface).toEqual(NOTHING);
      }
    }
    expect(parseConfig('[Interface]\nAddress = ,\nDNS = , ,\n').interface).toEqual(NOTHING);
    const later = '[Interface]\nMTU = 1400\nMTU =\nTable = off\nTable =\n';
    expect(parseConfig(later).interface).toEqual(NOTHING);
  });

  it('accepts lists with commas, blanks, or both, and with extra commas', () => {
    const lists = ['A,B', 'A B', 'A , B', 'A,\tB,', ',A  B', 'A,,B , '];
    for (const list of lists) {
      const addresses = list.replace('A', '10.0.0.1/24').replace('B', 'fd00::1/64');
      const servers = list.replace('A', '1.1.1.1').replace('B', 'example.org');
      const config = parseConfig(`[Interface]\nAddress = ${addresses}\nDNS = ${servers}\n`);
      expect(config.interface).toMatchObject({
        addresses: [v4(10, 0, 0, 1, 24), { address: v6(1), prefixLength: 64 }],
        dns: ['1.1.1.1', 'example.org'],
      });
    }
  });

  it('removes blanks from the fields that wg reads, as wg does', () => {
    const [head, tail] = [PUBLIC.slice(0, 20), PUBLIC.slice(20)];
    const config = parseConfig(`[Interface]
Private Key = ${PRIVATE.slice(0, 7)} ${PRIVATE.slice(7)}
Listen\tPort = 5 18 20
Fw Mark = o f f
[ Peer ]
Public  Key = ${head} ${tail}
Allowed IPs = 10.0. 0.0 / 8 , 10.1.0.0 /016
Endpoint = 192.0.2.1 : 5 1820
`);
    expect(config.interface).toMatchObject({
      privateKey: privateKey(1),
      listenPort: 51820,
      fwmark: 0,
    });
    expect(config.peers[0]).toEqual({
      publicKey: publicKey(2),
      allowedIps: [v4(10, 0, 0, 0, 8), v4(10, 1, 0, 0, 16)],
      endpoint: new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820),
    });
  });

  it.each([
    ['::1:51820', '[::1]:51820'],
    ['2001:db8::7:1', '[2001:db8::7]:1'],
    ['fe80::1%eth0:7', '[fe80::1%eth0]:7'],
    ['[192.0.2.1]:7', '192.0.2.1:7'],
    ['[vpn.example.org]:7', 'vpn.example.org:7'],
    ['[::ffff:192.0.2.1]:7', '192.0.2.1:7'],
    ['::ffff:192.0.2.1:7', '192.0.2.1:7'],
    ['vpn.example.org:0051820', 'vpn.example.org:51820'],
  ])('reads the endpoint %s', (text, endpoint) => {
    const config = parseConfig(`[Peer]\nPublicKey = ${PUBLIC}\nEndpoint = ${text}\n`);
    expect(config.peers[0].endpoint).toEqual(parseEndpoint(endpoint));
  });

  it('reads an address with a netmask', () => {
    const masks = ['0.0.0.0', '255.0.0.0', '255.255.254.0', '255.255.255.255'];
    const text = `[Interface]\nAddress = ${masks.map((mask) => `10.0.0.1/${mask}`).join()}\n`;
    const lengths = parseConfig(text).interface.addresses.map(({ prefixLength }) => prefixLength);
    expect(lengths).toEqual([0, 8, 23, 32]);
  });

  it.each([
    ['Table = main', { table: 'main' }],
    ['Table = 0', { table: 0 }],
    ['Table = 0x7b', { table: 123 }],
    ['Table = 4294967295', { table: 4_294_967_295 }],
    ['MTU = 0x500', { mtu: 1280 }],
    ['SaveConfig = FALSE', { saveConfig: false }],
    ['saveconfig = True', { saveConfig: true }],
    ['FwMark = 0', { fwmark: 0 }],
    ['FWMARK = OFF', { fwmark: 0 }],
    ['ListenPort = 0051820', { listenPort: 51820 }],
  ])('reads %s', (line, expected) => {
    expect(parseConfig(`[Interface]\n${line}\n`).interface).toMatchObject(expected);
  });

  it('reads a key of zeros as no key', () => {
    const zeros = `${'A'.repeat(43)}=`;
    const config = parseConfig(
      `[Interface]\nPrivateKey = ${PRIVATE}\nPrivateKey = ${zeros}\n[Peer]\nPublicKey = ${PUBLIC}\nPresharedKey = ${zeros}\n`,
    );
    expect(config.interface).toEqual(NOTHING);
    expect(config.peers[0]).toEqual({ publicKey: publicKey(2), allowedIps: [] });
  });

  it('reads several [Interface] sections as one, in which the last value wins', () => {
    const config = parseConfig(
      `[Interface]\nListenPort = 1\nAddress = 10.0.0.1/24\n[Peer]\nPublicKey = ${PUBLIC}\n[Interface]\nListenPort = 2\nAddress = 10.0.0.2/24\n`,
    );
    expect(config.interface).toMatchObject({
      listenPort: 2,
      addresses: [v4(10, 0, 0, 1, 24), v4(10, 0, 0, 2, 24)],
    });
    expect(config.peers).toHaveLength(1);
  });

  it('reads the signs of prefixes: + adds, - removes', () => {
    const config = parseConfig(`[Peer]\nPublicKey=${PUBLIC}\nAllowedIPs=+10.0.0.0/8,-10.1.0.0/16`);
    expect(config.peers[0]).toMatchObject({
      incremental: true,
      allowedIps: [v4(10, 0, 0, 0, 8), { ...v4(10, 1, 0, 0, 16), remove: true }],
    });
  });

  it('accepts an empty list of prefixes', () => {
    const config = parseConfig(`[Peer]\nPublicKey=${PUBLIC}\nAllowedIPs =\n`);
    expect(config.peers[0].allowedIps).toEqual([]);
  });

  it('names file, line, field, and what was expected', () => {
    const text = `[Interface]\n\n# comment\n[Peer]\n\nPublicKey = ${PUBLIC}\nallowedips = 10.0.0.0/33`;
    expect(complaints(text, 'wg0.conf')).toBe(
      'wg0.conf:7: AllowedIPs: expected an address with prefix length, got "10.0.0.0/33"',
    );
  });

  it('collects all problems', () => {
    const text = '[Interface]\nListenPort = 65536\nMTU = 10\nColour = red\n[Peer]\n[Tunnel]\nx';
    expect(complaints(text, 'f').split('\n')).toEqual([
      'f:2: ListenPort: expected 0 to 65535, got "65536"',
      'f:3: MTU: expected 68 to 65535, got "10"',
      'f:4: Colour: is not a field of [Interface]',
      'f:5: PublicKey: expected in every [Peer], is missing',
      'f:6: expected [Interface] or [Peer]',
    ]);
  });

  it.each([
    ['[Interface]\nFwMark = 4294967296', 'FwMark: expected "off" or a number of 32 bits'],
    ['[Interface]\nFwMark = 0X10', 'FwMark: expected "off" or a number of 32 bits'],
    ['[Interface]\nFwMark =', 'FwMark: expected "off" or a number of 32 bits, got ""'],
    ['[Interface]\nListenPort =', 'ListenPort: expected 0 to 65535, got ""'],
    ['[Interface]\nPrivateKey =', 'PrivateKey: expected a key of 32 bytes'],
    ['[Interface]\nTable = a b', 'Table: expected "off", "auto", or a number or name of a routing'],
    ['[Interface]\nTable = 017', 'Table: expected "off", "auto"'],
    ['[Interface]\nTable = 4294967296', 'Table: expected "off", "auto"'],
    ['[Interface]\nTable = -1', 'Table: expected "off", "auto"'],
    ['[Interface]\nMTU = 01420', 'MTU: expected 68 to 65535, got "01420"'],
    ['[Interface]\nMTU = 1420 x', 'MTU: expected 68 to 65535'],
    ['[Interface]\nSaveConfig = yes', 'SaveConfig: expected "true" or "false", got "yes"'],
    ['[Interface]\nSaveConfig =', 'SaveConfig: expected "true" or "false", got ""'],
    ['[Interface]\nAddress = 10.0.0.1/24, x', 'Address: expected an address with prefix length'],
    ['[Interface]\nAddress = 10.0.0.1/08', 'Address: expected an address with prefix length'],
    ['[Interface]\nAddress = 10.0.0.1/255.0.255.0', 'Address: expected an address'],
    ['[Interface]\nAddress = fd00::1/255.255.0.0', 'Address: expected an address'],
    ['[Interface]\nAddress = 10.1/24', 'Address: expected an address'],
    ['[Interface]\nPre Up = x', 'is not a field of [Interface]'],
    ['[Interface]\nnonsense', 'expected KEY = VALUE'],
    ['[Interface]\n= 1', 'expected KEY = VALUE'],
    ['[Interface]\nPublicKey = x', 'PublicKey: is not a field of [Interface]'],
    ['ListenPort = 1', 'ListenPort: expected [Interface] before it'],
    [`[Peer]\nPublicKey = ${PUBLIC}\nEndpoint = a:b`, 'Endpoint: expected ADDRESS:PORT'],
    [`[Peer]\nPublicKey = ${PUBLIC}\nPersistentKeepalive = 65536`, 'PersistentKeepalive: expected'],
    ...['10.0.0.0/24,', ',', '10.0.0.0/+8', '10.0.0.0/33', '10.0.0.0/8 10.1.0.0/16'].map((list) => [
      `[Peer]\nPublicKey = ${PUBLIC}\nAllowedIPs = ${list}`,
      'AllowedIPs: expected an address with prefix length',
    ]),
    ...[
      '::1',
      '1.2.3.4',
      '[::1]',
      '[::1]:',
      '[::1]:1:2',
      '[::1:1',
      '[::1]1',
      ':1',
      'fe80::1%e:0',
    ].map((endpoint) => [
      `[Peer]\nPublicKey = ${PUBLIC}\nEndpoint = ${endpoint}`,
      'Endpoint: expected ADDRESS:PORT, [IPV6]:PORT or HOST:PORT',
    ]),
  ])('refuses %j', (text, complaint) => {
    expect(complaints(text, 'f')).toContain(complaint);
  });

  it('shows no key with a wrong character in an error', () => {
    const broken = `${PRIVATE.slice(0, -1)}!`;
    const text = [
      `[Interface]\nPrivateKey = ${broken}\n${broken}\nPrivatKey ${broken}\n${broken} = 1`,
      `[Peer]\nPublicKey = ${broken}\nPresharedKey = ${broken}\n[${broken}]`,
    ].join('\n');
    const message = complaints(text, 'f');
    expect(message).toContain('PrivateKey: expected a key of 32 bytes in base64');
    expect(message).not.toContain(broken.slice(0, 10));
  });

  it.each([...FIELD_NAMES, 'Unheard', '[Interface] x', ''])(
    'shows no key in an error about %j',
    (name) => {
      const key = formatKey(parsePublicKey(Uint8Array.from({ length: 32 }, (_, i) => i * 7)));
      for (const form of [key, key.slice(0, -1), 'c8'.repeat(32), `a, ${key}`, `${key}:51820`]) {
        for (const section of ['[Interface]\n', `[Peer]\nPublicKey = ${PUBLIC}\n`, '']) {
          for (const line of [`${name} = ${form}`, `${name} ${form}`, `${form} = ${name}`]) {
            const said = everythingSaidOf(`${section}${line}\n`);
            expect(said).not.toContain(form.slice(10, 30));
          }
        }
      }
    },
  );

  it('throws only ConfigError; if it accepts a text, formatConfig returns the same text', () => {
    fc.assert(
      fc.property(configLike(), (text) => {
        expect(formattedOrRefused(text)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it('refuses wrong lines with many blanks in linear time', () => {
    const blanks = ' '.repeat(200_000);
    for (const line of [`${blanks}x`, `a${blanks}=${blanks}b${blanks}x`, `[${blanks}x`]) {
      expect(() => parseConfig(`[Interface]\n${line}`)).toThrow(ConfigError);
    }
  });
});

function formattedOrRefused(text: string): boolean {
  try {
    return formatConfig(parseConfig(text)) === text;
  } catch (error) {
    return error instanceof ConfigError && error.problems.length > 0;
  }
}

const INTERFACE_KEYS = 'PrivateKey listenport FwMark Address DNS PostUp Table'.split(' ');
const PEER_KEYS = 'AllowedIPs PublicKey PresharedKey Endpoint PersistentKeepalive'.split(' ');
const KEYS = [...INTERFACE_KEYS, ...PEER_KEYS];

/** Text of valid lines, nearly valid lines, and invalid lines. */
function configLike(): fc.Arbitrary<string> {
  const value = fc.constantFrom('1', 'off', '10.0.0.0/8, ::/0', '1.2.3.4:5', PUBLIC, 'true', '');
  const key = fc.constantFrom(...KEYS);
  const blank = fc.constantFrom('', ' ', '\t', '  ');
  const comment = fc.constantFrom('', '# c', '#=[', ' # x = y');
  const field = fc
    .tuple(blank, key, blank, blank, value, comment)
    .map(([a, name, b, c, text, d]) => `${a}${name}${b}=${c}${text}${d}`);
  const header = fc.constantFrom('[Interface]', '[Peer]', ` [peer] # x\nPublicKey=${PUBLIC}`);
  const line = fc.oneof(field, field, header, comment, blank, fc.string());
  const end = fc.constantFrom('\n', '\r\n');
  return fc
    .tuple(fc.array(line, { maxLength: 12, size: 'max' }), end)
    .map(([lines, ending]) => ['[Interface]', ...lines].join(ending));
}

function everythingSaidOf(text: string): string {
  try {
    parseConfig(text, { file: 'f' });
    return '';
  } catch (error) {
    return inspect(error);
  }
}

function complaints(text: string, file: string): string {
  try {
    parseConfig(text, { file });
  } catch (error) {
    if (error instanceof ConfigError && error.code === 'ERR_LITZ_INVALID_CONFIG') {
      return error.message;
    }
  }
  throw new Error('expected a ConfigError');
}

function v4(a: number, b: number, c: number, d: number, prefixLength: number): object {
  return { address: Uint8Array.of(a, b, c, d), prefixLength };
}

/** Returns the address fd00::`last`. */
function v6(last: number): Uint8Array {
  return Uint8Array.of(0xfd, ...Array(14).fill(0), last);
}
