import { parseConfig, type DeviceStatus } from '@litz/config';
import {
  parseCidr,
  parseEndpoint,
  parsePrivateKey,
  parsePublicKey,
  type Endpoint,
} from '@litz/core';
import { describe, expect, test } from 'vitest';
import { savedText } from '../../src/tunnel/save-config.ts';
import { keyPair } from '../key-pair.ts';

const OWN = keyPair();
const BOB = keyPair();
const CAROL = keyPair();

const TEXT = `# office
[Interface]
PrivateKey = ${OWN.privateKey}
ListenPort = 51820
Address = 10.0.0.1/24
PostUp = true # hook

# bob
[Peer]
PublicKey = ${BOB.publicKey}
Endpoint = office.example:51820
AllowedIPs = 10.1.0.0/16, 10.2.0.0/16
`;

describe('savedText', () => {
  test('returns the same text if nothing has changed, also if the prefixes are in another order', () => {
    expect(save(['10.2.0.0/16', '10.1.0.0/16'])).toBe(TEXT);
  });

  test('keeps an endpoint that is a host name, and replaces an endpoint that is an address', () => {
    expect(save(undefined, { endpoint: '192.0.2.7:1' })).toBe(TEXT);
    const numeric = TEXT.replace('office.example', '192.0.2.1');
    expect(save(undefined, { endpoint: '192.0.2.7:1' }, numeric)).toContain(
      'Endpoint = 192.0.2.7:1\n',
    );
  });

  test('writes the name of the endpoint that a client has set', () => {
    expect(save(undefined, { name: 'office.example:51820' })).toBe(TEXT);
    const other = TEXT.replace('office.example', 'other.example');
    expect(save(undefined, { name: 'other.example:51820' })).toBe(other);
    const numeric = TEXT.replace('office.example', '192.0.2.1');
    expect(save(undefined, { name: 'office.example:51820' }, numeric)).toBe(TEXT);
    const added = save(undefined, { name: 'other.example:1', key: CAROL.publicKey });
    expect(added).toContain('Endpoint = other.example:1\n');
  });

  test('writes the fields that have changed, and keeps comments and hooks', () => {
    const text = save(['10.1.0.0/16'], { port: 7, keepalive: 25, addresses: ['10.0.0.2/24'] });
    expect(text).toBe(
      TEXT.replace('51820\nAddress = 10.0.0.1', '7\nAddress = 10.0.0.2').replace(
        ', 10.2.0.0/16\n',
        '\nPersistentKeepalive = 25\n',
      ),
    );
  });

  test('writes a mark that the user has set, but not the mark that the tunnel chose itself', () => {
    expect(save(undefined, { mark: 51820, ownMark: 51820 })).toBe(TEXT);
    expect(save(undefined, { mark: 5, ownMark: 51820 })).toContain('FwMark = 0x5\n');
  });

  test('removes peers that are gone, adds new peers, and joins sections with the same key', () => {
    const twice = `${TEXT}[Peer]\nPublicKey = ${BOB.publicKey}\nAllowedIPs = +10.9.0.0/16\n`;
    expect(parseConfig(save(undefined, {}, twice)).peers).toHaveLength(1);
    const { peers } = parseConfig(save(undefined, { key: CAROL.publicKey }));
    expect(peers.map(({ publicKey }) => publicKey)).toEqual([parsePublicKey(CAROL.publicKey)]);
  });

  test('refuses a file with mistakes', () => {
    expect(() => save(undefined, {}, '[Interface]\nPort = 1\n')).toThrow('wg0.conf:2: Port');
  });
});

interface Changes {
  name?: string;
  endpoint?: string;
  port?: number;
  keepalive?: number;
  addresses?: string[];
  mark?: number;
  ownMark?: number;
  key?: string;
}

function save(
  prefixes = ['10.1.0.0/16', '10.2.0.0/16'],
  changes: Changes = {},
  text = TEXT,
): string {
  const status: DeviceStatus = {
    privateKey: parsePrivateKey(OWN.privateKey),
    listenPort: changes.port ?? 51820,
    fwmark: changes.mark ?? 0,
    peers: [
      {
        publicKey: parsePublicKey(changes.key ?? BOB.publicKey),
        endpoint: parseEndpoint(changes.endpoint ?? '192.0.2.2:51820') as Endpoint,
        ...(changes.name !== undefined && { endpointName: changes.name }),
        persistentKeepalive: changes.keepalive ?? 0,
        allowedIps: prefixes.map(parseCidr),
        lastHandshakeUnixMs: 0,
        receivedBytes: 0,
        sentBytes: 0,
      },
    ],
  };
  const addresses = (changes.addresses ?? ['10.0.0.1/24']).map(parseCidr);
  return savedText(text, 'wg0.conf', {
    status,
    addresses,
    mtu: 1420,
    ownMark: changes.ownMark ?? 0,
  });
}
