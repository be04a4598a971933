import { inspect } from 'node:util';
import { Endpoint, formatKey, parseCidr } from '@litz/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeviceConfiguration } from '../../src/device-configuration.ts';
import { keyToHex } from '../../src/text/hex-key.ts';
import { formatSetRequest, parseSetRequest } from '../../src/uapi/set-request.ts';
import { UapiError } from '../../src/uapi/uapi-error.ts';
import { presharedKey, privateKey, publicKey, RUNS } from '../keys.ts';

const KEY = keyToHex(publicKey(7));
const ZERO = '0'.repeat(64);

describe('parseSetRequest', () => {
  it('reads every line of the protocol', () => {
    const body = `private_key=${keyToHex(privateKey(1))}
listen_port=51820
fwmark=16
replace_peers=true
public_key=${KEY}
preshared_key=${keyToHex(presharedKey(3))}
update_only=true
endpoint=[2001:db8::1]:51820
persistent_keepalive_interval=25
replace_allowed_ips=true
allowed_ip=10.0.0.0/8
allowed_ip=-10.1.0.0/16
protocol_version=1
public_key=${keyToHex(publicKey(8))}
remove=true
`;
    expect(parseSetRequest(body)).toEqual({
      privateKey: privateKey(1),
      listenPort: 51820,
      fwmark: 16,
      replacePeers: true,
      peers: [
        {
          publicKey: publicKey(7),
          presharedKey: presharedKey(3),
          updateOnly: true,
          endpoint: new Endpoint(parseCidr('2001:db8::1').address, 51820),
          persistentKeepalive: 25,
          replaceAllowedIps: true,
          allowedIps: [parseCidr('10.0.0.0/8'), { ...parseCidr('10.1.0.0/16'), remove: true }],
        },
        { publicKey: publicKey(8), remove: true },
      ],
    });
  });

  it('reads and writes the name of an endpoint, and the empty value that removes it', () => {
    const body = `public_key=${KEY}
litz_endpoint_name=vpn.example:51820
public_key=${keyToHex(publicKey(8))}
litz_endpoint_name=b\u00c3\u00bcro.example:1
public_key=${keyToHex(publicKey(9))}
litz_endpoint_name=
`;
    const change: DeviceConfiguration = {
      peers: [
        { publicKey: publicKey(7), endpointName: 'vpn.example:51820' },
        { publicKey: publicKey(8), endpointName: 'büro.example:1' },
        { publicKey: publicKey(9), endpointName: '' },
      ],
    };
    expect(parseSetRequest(body)).toEqual(change);
    expect(formatSetRequest(change)).toBe(`set=1\n${body}\n`);
  });

  it('reads the next keys of a device and its peers', () => {
    const body = `private_key=${keyToHex(privateKey(1))}
litz_next_private_key=${keyToHex(privateKey(2))}
public_key=${KEY}
litz_next_public_key=${keyToHex(publicKey(8))}
public_key=${keyToHex(publicKey(9))}
litz_promote_public_key=true
`;
    const change: DeviceConfiguration = {
      privateKey: privateKey(1),
      nextPrivateKey: privateKey(2),
      peers: [
        { publicKey: publicKey(7), nextPublicKey: publicKey(8) },
        { publicKey: publicKey(9), promotePublicKey: true },
      ],
    };
    expect(parseSetRequest(body)).toEqual(change);
    expect(formatSetRequest(change)).toBe(`set=1\n${body}\n`);
  });

  it.each(['', ZERO])('reads %j as the removal of the next key', (none) => {
    const body = `litz_next_private_key=${none}\npublic_key=${KEY}\nlitz_next_public_key=${none}\n`;
    const change = {
      nextPrivateKey: null,
      peers: [{ publicKey: publicKey(7), nextPublicKey: null }],
    };
    expect(parseSetRequest(body)).toEqual(change);
    expect(parseSetRequest(formatSetRequest(change).replace('set=1\n', ''))).toEqual(change);
  });

  it.each([
    ['litz_next_private_key=ab', 'line 1: litz_next_private_key: expected a key'],
    [`public_key=${KEY}\nlitz_next_public_key=x`, 'line 2: litz_next_public_key: expected a key'],
    [`public_key=${KEY}\nlitz_promote_public_key=1`, 'line 2: litz_promote_public_key: expected t'],
    ...['vpn.example', 'vpn.example:0', ':1', '192.0.2.1:1', '[::1]:1', 'a b:1', '\u00fc:1'].map(
      (name): [string, string] => [
        `public_key=${KEY}\nlitz_endpoint_name=${name}`,
        'line 2: litz_endpoint_name: expected HOST:PORT, got "',
      ],
    ),
    ['litz_endpoint_name=a:1', 'line 1: "litz_endpoint_name" is not a key of a device'],
    [`litz_next_public_key=${KEY}`, 'line 1: "litz_next_public_key" is not a key of a device'],
    [
      `public_key=${KEY}\nlitz_next_private_key=${KEY}`,
      '"litz_next_private_key" is not a key of a peer',
    ],
  ])('refuses %s', (body, message) => {
    expect(() => parseSetRequest(`${body}\n`)).toThrow(message);
  });

  it('returns an empty change for an empty request, and reads nothing after an empty line', () => {
    expect(parseSetRequest('')).toEqual({});
    expect(parseSetRequest('\nlisten_port=1\n')).toEqual({});
  });

  it('reads a key of zeros as the removal of the key', () => {
    expect(parseSetRequest(`private_key=${ZERO}\n`)).toEqual({ privateKey: null });
    expect(parseSetRequest(`litz_next_private_key=${ZERO}\n`)).toEqual({ nextPrivateKey: null });
    expect(parseSetRequest(`public_key=${KEY}\npreshared_key=${ZERO}\n`).peers?.[0]).toEqual({
      publicKey: publicKey(7),
      presharedKey: null,
    });
  });

  it('discards the prefixes of earlier lines when it reads replace_allowed_ips', () => {
    const body = `public_key=${KEY}\nallowed_ip=1.0.0.0/8\nreplace_allowed_ips=true\nallowed_ip=2.0.0.0/8\n`;
    expect(parseSetRequest(body).peers?.[0].allowedIps).toEqual([parseCidr('2.0.0.0/8')]);
  });

  it('keeps the zone of a link-local endpoint', () => {
    const body = `public_key=${KEY}\nendpoint=[fe80::1%eth0]:1\n`;
    const configuration = parseSetRequest(body);
    expect(configuration.peers?.[0].endpoint).toMatchObject({ zone: 'eth0', scopeId: 0 });
    expect(formatSetRequest(configuration)).toContain('\nendpoint=[fe80::1%eth0]:1\n');
  });

  it('reads an IPv4-mapped endpoint as IPv4', () => {
    const body = `public_key=${KEY}\nendpoint=[::ffff:192.0.2.1]:7\n`;
    expect(parseSetRequest(body).peers?.[0].endpoint).toEqual(
      new Endpoint(Uint8Array.of(192, 0, 2, 1), 7),
    );
  });

  it.each([
    ['private_key=00', 'line 1: private_key: expected a key of 64 hexadecimal digits'],
    ['listen_port=65536', 'line 1: listen_port: expected 0 to 65535, got "65536"'],
    ['fwmark=0x10', 'line 1: fwmark: expected'],
    ['replace_peers=false', 'line 1: replace_peers: expected true, got "false"'],
    ['endpoint=1.2.3.4:5', 'line 1: "endpoint" is not a key of a device'],
    ['public_key=', 'line 1: public_key: expected a key'],
    [`public_key=${KEY}\nlisten_port=1`, 'line 2: "listen_port" is not a key of a peer'],
    [`public_key=${KEY}\nremove=1`, 'line 2: remove: expected true'],
    [`public_key=${KEY}\nupdate_only=`, 'line 2: update_only: expected true'],
    [`public_key=${KEY}\nreplace_allowed_ips=no`, 'line 2: replace_allowed_ips: expected true'],
    [`public_key=${KEY}\npreshared_key=xyz`, 'line 2: preshared_key: expected a key'],
    [`public_key=${KEY}\nendpoint=host:1`, 'line 2: endpoint: expected IP:PORT'],
    [`public_key=${KEY}\nendpoint=1.2.3.4`, 'line 2: endpoint: expected IP:PORT'],
    [`public_key=${KEY}\npersistent_keepalive_interval=off`, 'line 2: persistent_keepalive'],
    [`public_key=${KEY}\nallowed_ip=10.0.0.1`, 'line 2: allowed_ip: expected an address'],
    [`public_key=${KEY}\nallowed_ip=10.0.0.0/33`, 'line 2: allowed_ip: expected an address'],
    [`public_key=${KEY}\nprotocol_version=2`, 'line 2: protocol_version: expected 1'],
  ])('refuses %j with EINVAL', (body, message) => {
    expect(failure(body)).toMatchObject({ errno: -22, code: 'ERR_LITZ_UAPI' });
    expect(failure(body).message).toContain(message);
  });

  it('throws EPROTO for a line without =', () => {
    expect(failure('listen_port=1\nlisten_port')).toMatchObject({ errno: -71, line: 2 });
  });

  it.each(
    'private_key listen_port fwmark replace_peers public_key remove update_only preshared_key endpoint'
      .concat(
        ' persistent_keepalive_interval replace_allowed_ips allowed_ip protocol_version unheard',
      )
      .split(' '),
  )('shows no WireGuard key in an error about %s', (name) => {
    const base64 = formatKey(publicKey(7));
    for (const key of [base64, KEY, `${KEY}0`, KEY.toUpperCase()]) {
      for (const line of [`${name}=${key}`, `${name}=${key}:5`, `${name}=-${key}/32`, `${key}=1`]) {
        for (const body of [line, `public_key=${KEY}\n${line}`]) {
          expect(everythingSaidOf(body)).not.toContain(key.slice(0, 20));
        }
      }
    }
  });

  it('shows no WireGuard key in an error about a wrong digit', () => {
    const broken = `${KEY.slice(0, 63)}!`;
    for (const body of [
      `private_key=${broken}`,
      `public_key=${broken}`,
      `public_key=${KEY}\npreshared_key=${broken}`,
      broken,
    ]) {
      expect(failure(body).message).not.toContain(KEY.slice(0, 8));
    }
  });

  it('throws only UapiError, whatever the lines are', () => {
    const line = fc.oneof(
      fc.tuple(fc.constantFrom(...KEYS), fc.constantFrom(...VALUES)).map((pair) => pair.join('=')),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        expect(outcome(lines.join('\n'))).toMatch(/^(read|refused)$/);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('formatSetRequest', () => {
  it('writes a request that parseSetRequest reads back', () => {
    fc.assert(
      fc.property(configuration(), (change) => {
        const request = formatSetRequest(change);
        expect(request).toMatch(/^set=1\n(.+\n)*\n$/);
        expect(parseSetRequest(request.slice('set=1\n'.length))).toEqual(change);
      }),
      { numRuns: RUNS },
    );
  });

  it('writes zeros for a key that is removed', () => {
    expect(formatSetRequest({ privateKey: null })).toBe(`set=1\nprivate_key=${ZERO}\n\n`);
  });
});

const DEVICE_KEYS = 'private_key listen_port fwmark replace_peers public_key'.split(' ');
const PEER_KEYS = 'remove update_only preshared_key endpoint persistent_keepalive_interval'.split(
  ' ',
);
const KEYS = [
  ...DEVICE_KEYS,
  ...PEER_KEYS,
  'replace_allowed_ips',
  'allowed_ip',
  'protocol_version',
];
const VALUES = ['true', '', '1', '65536', KEY, ZERO, '1.2.3.4:5', '10.0.0.0/8', '-::/0', '-'];

function outcome(body: string): string {
  try {
    parseSetRequest(body);
    return 'read';
  } catch (error) {
    return error instanceof UapiError ? 'refused' : String(error);
  }
}

function everythingSaidOf(body: string): string {
  try {
    parseSetRequest(`${body}\n`);
    return '';
  } catch (error) {
    return inspect(error);
  }
}

function failure(body: string): UapiError {
  try {
    parseSetRequest(`${body}\n`);
  } catch (error) {
    if (error instanceof UapiError) return error;
  }
  throw new Error('expected a UapiError');
}

function configuration(): fc.Arbitrary<DeviceConfiguration> {
  const flag = fc.constant(true as const);
  const fill = fc.integer({ min: 1, max: 254 });
  const cidr = fc.constantFrom('10.0.0.0/8', 'fd00::/64', '0.0.0.0/0', '::1/128').map(parseCidr);
  const removed = cidr.map((entry) => ({ ...entry, remove: true }));
  const peer = fc.record(
    {
      publicKey: fill.map(publicKey),
      remove: flag,
      updateOnly: flag,
      presharedKey: fc.oneof(fill.map(presharedKey), fc.constant(null)),
      endpoint: fc.constantFrom(new Endpoint(Uint8Array.of(1, 2, 3, 4), 5)),
      endpointName: fc.constantFrom('', 'vpn.example:1', 'büro.example:65535'),
      persistentKeepalive: fc.nat(65535),
      replaceAllowedIps: flag,
      allowedIps: fc.array(fc.oneof(cidr, removed), { minLength: 1 }),
    },
    { requiredKeys: ['publicKey'] },
  );
  return fc
    .record(
      {
        privateKey: fc.oneof(fill.map(privateKey), fc.constant(null)),
        listenPort: fc.nat(65535),
        fwmark: fc.nat(2 ** 31),
        replacePeers: flag,
        peers: fc.array(peer, { minLength: 1 }),
      },
      { requiredKeys: [] },
    )
    .map(withEmptyLists);
}

/**
 * Adds the empty list of allowed IPs that the parser makes for `replace_allowed_ips`, even if no
 * prefix follows.
 */
function withEmptyLists(change: DeviceConfiguration): DeviceConfiguration {
  if (!change.peers) return change;
  const peers = change.peers.map((peer) =>
    peer.replaceAllowedIps === true ? { ...peer, allowedIps: peer.allowedIps ?? [] } : peer,
  );
  return { ...change, peers };
}
