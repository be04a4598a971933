import { parsePublicKey, type PeerConfiguration } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { FollowedNames, readName } from '../src/followed-names.ts';
import { keyPair } from './key-pair.ts';

const KEY = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';
const OTHER = keyPair().publicKey;

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

describe('FollowedNames', () => {
  const publicKey = parsePublicKey(KEY);
  const named = { publicKey, endpointName: 'vpn.example:51820' };

  test('gives the name to a peer that is added', async () => {
    const other = { publicKey: parsePublicKey(OTHER) };
    expect(await peersWith([other, { publicKey, persistentKeepalive: 25 }])).toEqual([
      other,
      { ...named, persistentKeepalive: 25 },
    ]);
  });

  test('keeps the name that the change gives, and does not change a peer that exists', async () => {
    for (const endpointName of ['other.example:1', '']) {
      expect(await peersWith([{ publicKey, endpointName }])).toEqual([{ publicKey, endpointName }]);
    }
    expect(await peersWith([{ publicKey }], { exists: true })).toEqual([{ publicKey }]);
    const twice = [{ publicKey }, { publicKey, persistentKeepalive: 25 }];
    expect(await peersWith(twice)).toEqual([named, twice[1]]);
  });

  test('gives the name to a peer that is removed and added again in one change', async () => {
    const again = { publicKey, persistentKeepalive: 25 };
    expect(await peersWith([{ publicKey, remove: true }, again], { exists: true })).toEqual([
      { publicKey, remove: true },
      { ...named, persistentKeepalive: 25 },
    ]);
    const replaced = await peersWith([again], { exists: true, replacePeers: true });
    expect(replaced).toEqual([{ ...named, persistentKeepalive: 25 }]);
  });

  test('gives no name to a peer that the change does not add', async () => {
    for (const flag of ['remove', 'updateOnly', 'promotePublicKey'] as const) {
      const peer = { publicKey, [flag]: true };
      expect(await peersWith([peer])).toEqual([peer]);
    }
  });

  test('asks the device for nothing if there are no names', async () => {
    const change = { peers: [{ publicKey }] };
    const asked = new FollowedNames().addTo(change, () => Promise.reject(new Error('asked')));
    expect(await asked).toBe(change);
  });

  /**
   * Passes a change with `peers` to `FollowedNames`, which has a name for KEY. Returns the peers of
   * the result.
   */
  async function peersWith(
    peers: PeerConfiguration[],
    { exists = false, replacePeers = false } = {},
  ): Promise<readonly PeerConfiguration[] | undefined> {
    const names = new FollowedNames([`${KEY}=vpn.example:51820`]);
    const change = { listenPort: 7, replacePeers, peers };
    const changed = await names.addTo(change, async () => exists);
    expect(changed).toMatchObject({ listenPort: 7, replacePeers });
    return changed.peers;
  }
});
