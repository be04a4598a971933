import { createPerson } from '@litz/testkit';
import { describe, expect, it, vi } from 'vitest';
import type { EngineChange, PeerChange } from '../src/configuration.ts';
import { MAX_PEERS } from '../src/constants.ts';
import { Endpoint } from '../src/endpoint.ts';
import { isZeroKey, keyId, PrivateKey } from '../src/keys.ts';
import { parseCidr } from '../src/text/cidr.ts';
import { Peer } from '../src/peer/peer.ts';
import { PeerTable } from '../src/peer/peer-table.ts';
import { checkConfiguration, type CurrentConfiguration } from '../src/validation.ts';

const { publicKey, privateKey } = createPerson(1);
const ID = keyId(publicKey);
const NOBODY: CurrentConfiguration = { peers: new PeerTable(), identity: undefined };

describe('checkConfiguration', () => {
  it('accepts an empty change', () => {
    expect(checkConfiguration({}, NOBODY)).toEqual({
      privateKey: undefined,
      nextPrivateKey: undefined,
      replacePeers: false,
      peers: [],
    });
  });

  it('returns the same typed values', () => {
    const peer: PeerChange = {
      publicKey,
      endpoint: new Endpoint(Uint8Array.of(192, 0, 2, 1), 5),
      allowedIps: [parseCidr('10.0.0.0/8')],
      persistentKeepalive: 65_535,
      remove: false,
    };
    const checked = checkConfiguration({ privateKey, replacePeers: true, peers: [peer] }, NOBODY);
    expect(checked.peers[0]).toBe(peer);
    expect(checked).toMatchObject({ privateKey, replacePeers: true });
  });

  it('reads text, and does not change the caller’s object', () => {
    const typed = parseCidr('10.0.0.0/8');
    const peer: PeerChange = {
      publicKey: publicKey.toBase64(),
      endpoint: '192.0.2.1:5',
      allowedIps: [typed, '10.1.0.0/16', typed],
      updateOnly: true,
    };
    const before = { ...peer };
    const [checked] = checkConfiguration({ peers: [peer] }, NOBODY).peers;
    expect(peer).toEqual(before);
    expect(checked).toEqual({
      publicKey,
      endpoint: new Endpoint(Uint8Array.of(192, 0, 2, 1), 5),
      allowedIps: [typed, parseCidr('10.1.0.0/16'), typed],
      updateOnly: true,
    });
    expect([...checked.allowedIps!][2]).toBe(typed);
  });

  it('adds no field that was absent', () => {
    const [checked] = checkConfiguration(
      { peers: [{ publicKey: publicKey.toBase64() }] },
      NOBODY,
    ).peers;
    expect(Object.keys(checked)).toEqual(['publicKey']);
  });

  it.each<[string, unknown]>([
    ['"change" expected an object, got null', null],
    ['"change" expected one of privateKey, ', { privatekey: privateKey }],
    ['"peers[0]" expected one of publicKey, ', { peers: [{ publicKey, presharedkey: 'x' }] }],
    ['"replacePeers" expected true or false, got a number', { replacePeers: 1 }],
    ['"privateKey": private key: expected', { privateKey: 'x' }],
    ['"privateKey": private key: expected a key, got all zeros', { privateKey: new PrivateKey() }],
    ['"nextPrivateKey": private key: expected a key', { nextPrivateKey: new PrivateKey() }],
    ['"peers" expected an array, got Object', { peers: {} }],
    ['"peers[0]" expected an object, got null', { peers: [null] }],
    ['"peers[0]" expected an object, got a string', { peers: ['x'] }],
    ['"peers[1].publicKey": public key: expected', { peers: [{ publicKey }, {}] }],
    ...(
      [
        ['presharedKey": preshared key: expected', { presharedKey: 'x' }],
        ['remove" expected true or false, got a number', { remove: 1 }],
        ['updateOnly" expected true or false, got a number', { updateOnly: 1 }],
        ['replaceAllowedIps" expected true or false, got a number', { replaceAllowedIps: 1 }],
        [
          'persistentKeepalive" expected an integer from 0 to 65535, got -1',
          { persistentKeepalive: -1 },
        ],
        [
          'persistentKeepalive" expected an integer from 0 to 65535, got 65536',
          { persistentKeepalive: 65_536 },
        ],
        [`endpoint" expected 'ADDRESS:PORT', got null`, { endpoint: null }],
        ['endpointName" expected a string, got a number', { endpointName: 1 }],
        ['endpointName" expected HOST:PORT, got', { endpointName: 'vpn.example' }],
        ['endpointName" expected HOST:PORT, got', { endpointName: 'vpn.example:0' }],
        ['endpointName" expected HOST:PORT, got', { endpointName: 'vpn example:1' }],
        ['endpointName" expected HOST:PORT, got', { endpointName: '192.0.2.1:1' }],
        ['endpointName" expected HOST:PORT, got', { endpointName: '[::1]:1' }],
        ['allowedIps" expected an array, got a string', { allowedIps: '10.0.0.0/8' }],
        ['allowedIps[0]": ', { allowedIps: ['x'] }],
      ] as const
    ).map(([message, fields]): [string, unknown] => [
      `"peers[0].${message}`,
      { peers: [{ publicKey, ...fields }] },
    ]),
  ])('throws %s', (message, change) => {
    expect(() => checkConfiguration(change as EngineChange, NOBODY)).toThrow(message);
  });

  describe('with a next private key', () => {
    const own: CurrentConfiguration = { peers: new PeerTable(), identity: {} };
    const refusal = '"nextPrivateKey" expected a device with a private key: set "privateKey" first';

    it('requires a private key, set before or in the same change', () => {
      const next = { nextPrivateKey: createPerson(2).privateKey };
      expect(() => checkConfiguration(next, NOBODY)).toThrow(refusal);
      expect(() => checkConfiguration({ ...next, privateKey }, NOBODY)).not.toThrow();
      expect(() => checkConfiguration(next, own)).not.toThrow();
      expect(() => checkConfiguration({ ...next, privateKey: null }, own)).toThrow(refusal);
      expect(() => checkConfiguration({ nextPrivateKey: null }, NOBODY)).not.toThrow();
      expect(() => checkConfiguration({ nextPrivateKey: 'x' }, own)).toThrow('nextPrivateKey');
    });

    it('leaves no copy of the key', () => {
      const nextPrivateKey = createPerson(2).privateKey;
      const copies = new Set<PrivateKey>();
      // oxlint-disable-next-line typescript/unbound-method -- called with an array as `this`
      const { set } = Uint8Array.prototype;
      const spy = vi.spyOn(Uint8Array.prototype, 'set');
      spy.mockImplementation(function (this: Uint8Array, ...source) {
        if (this instanceof PrivateKey) copies.add(this);
        set.apply(this, source);
      });
      try {
        checkConfiguration({ privateKey, nextPrivateKey }, NOBODY);
      } finally {
        spy.mockRestore();
      }
      expect(copies.size).toBeGreaterThan(0);
      expect([...copies].filter((copy) => !isZeroKey(copy))).toEqual([]);
    });
  });

  it('reads the next public key of a peer; null means that it has none', () => {
    const next = createPerson(2).publicKey;
    const read = (nextPublicKey: string | typeof next | null) =>
      checkConfiguration({ peers: [{ publicKey, nextPublicKey }] }, NOBODY).peers[0].nextPublicKey;
    expect(read(next)).toBe(next);
    expect(read(next.toBase64())).toEqual(next);
    expect(read(null)).toBeNull();
    expect(() => read('x')).toThrow('nextPublicKey');
    const promotePublicKey = 'yes' as never;
    expect(() => checkConfiguration({ peers: [{ publicKey, promotePublicKey }] }, NOBODY)).toThrow(
      '"peers[0].promotePublicKey" expected true or false',
    );
  });

  describe('with the maximum number of peers', () => {
    // Peers are counted by their ids, so these peers need no keys of their own.
    const known = full();
    const another = createPerson(2).publicKey;

    it('refuses one more peer', () => {
      expect(() => checkConfiguration({ peers: [{ publicKey: another }] }, known)).toThrow(
        `"peers" expected at most ${MAX_PEERS} peers in all`,
      );
      expect(() => checkConfiguration({ peers: [{ publicKey: another }] }, known)).toThrow(
        expect.objectContaining({ code: 'ERR_LITZ_TOO_MANY_PEERS' }),
      );
    });

    it.each<[string, EngineChange]>([
      ['changes an existing peer', { peers: [{ publicKey }] }],
      ['would update an unknown peer', { peers: [{ publicKey: another, updateOnly: true }] }],
      ['removes a peer first', { peers: [{ publicKey, remove: true }, { publicKey: another }] }],
      [
        'replaces all peers',
        { replacePeers: true, peers: [{ publicKey }, { publicKey: another }] },
      ],
    ])('accepts a change that %s', (_, change) => {
      expect(() => checkConfiguration(change, known)).not.toThrow();
    });

    it('refuses a peer that is added before another one is removed', () => {
      const peers = [{ publicKey: another }, { publicKey, remove: true }];
      expect(() => checkConfiguration({ peers }, known)).toThrow('"peers" expected at most');
    });
  });
});

/** Returns a full table: a peer with the key `publicKey`, and others that are only counted. */
function full(): CurrentConfiguration {
  const peers = new PeerTable();
  peers.add(new Peer(publicKey, ID, 0, 0));
  for (let i = 1; i < MAX_PEERS; i++) peers.add(new Peer(publicKey, `${i}`, i, i));
  return { peers, identity: undefined };
}
