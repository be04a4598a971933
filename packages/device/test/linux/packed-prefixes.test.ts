import { Engine, parseCidr, Prefix, type AllowedIp } from '@litz/core';
import { createPerson } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { packPrefixes, readPrefixes, unpackPrefixes } from '../../src/linux/packed-prefixes.ts';

const ALLOWED_IPS: AllowedIp[] = [
  parseCidr('0.0.0.0/0'),
  { ...parseCidr('10.1.2.3/32'), remove: true },
  parseCidr('::/0'),
  parseCidr('2001:db8:1:2:3:4:5:6/128'),
];

describe('packPrefixes', () => {
  it('packs the prefixes of each peer into bytes, which unpack to the same prefixes', () => {
    const holder = { listenPort: 5, peers: [{ allowedIps: ALLOWED_IPS }, {}, { allowedIps: [] }] };
    const { peers, ...rest } = packPrefixes(holder);
    expect(rest).toEqual({ listenPort: 5 });
    expect(peers[0].allowedIps).toBeInstanceOf(Uint8Array);
    expect(peers[1]).toEqual({});
    const clones = structuredClone(peers).map(({ allowedIps }) =>
      unpackPrefixes(bytes(allowedIps)),
    );
    expect(clones).toEqual([ALLOWED_IPS, [], []]);
    expect(clones[0].every((prefix) => prefix instanceof Prefix)).toBe(true);
  });

  it('returns a configuration without peers as it is, and does not change its argument', () => {
    expect(packPrefixes({})).toEqual({});
    const peers = [{ allowedIps: ALLOWED_IPS }];
    packPrefixes({ peers });
    expect(peers[0].allowedIps).toBe(ALLOWED_IPS);
  });
});

describe('unpackPrefixes', () => {
  it('gives prefixes that share no memory', () => {
    const [peer] = packPrefixes({ peers: [{ allowedIps: ALLOWED_IPS }] }).peers;
    const [first, second] = unpackPrefixes(bytes(peer.allowedIps));
    expect(first.address.buffer).not.toBe(second.address.buffer);
  });
});

describe('readPrefixes', () => {
  it('reads the packed prefixes in a form that an engine accepts', () => {
    const [peer] = packPrefixes({ peers: [{ allowedIps: ALLOWED_IPS }] }).peers;
    const read = [...readPrefixes(bytes(peer.allowedIps))];
    expect(
      read.map(({ address, prefixLength, remove }) => [address, prefixLength, remove]),
    ).toEqual(
      ALLOWED_IPS.map(({ address, prefixLength, remove = false }) => [
        address,
        prefixLength,
        remove,
      ]),
    );
    const engine = new Engine({ randomBytes: () => {}, unixTime: () => 0 });
    const { publicKey } = createPerson(1);
    engine.configure({ peers: [{ publicKey, allowedIps: read }] }, 0);
    expect(engine.peers()[0].allowedIps.map(String)).toEqual([
      '0.0.0.0/0',
      '::/0',
      '2001:db8:1:2:3:4:5:6/128',
    ]);
  });
});

function bytes(allowedIps: readonly AllowedIp[] | undefined): Uint8Array {
  return (allowedIps as unknown as Uint8Array | undefined) ?? new Uint8Array();
}
