import { Endpoint, PresharedKey, PrivateKey, PublicKey, WireGuardError } from '@litz/core';
import { describe, expect, it, vi } from 'vitest';
import {
  readDeviceChange,
  readDeviceParts,
  wipeSecrets,
  type DeviceChange,
} from '../src/device-change.ts';
import type { DeviceConfiguration } from '../src/device-configuration.ts';
import { formatSetRequest } from '../src/uapi/set-request.ts';
import { presharedKey, privateKey, publicKey } from './keys.ts';

const TEXT = {
  privateKey: text(privateKey(1)),
  publicKey: text(publicKey(2)),
  presharedKey: text(presharedKey(3)),
};

/** Changes with one wrong value: its name in the title, the change, and how the error begins. */
const WRONG: [string, Record<string, unknown>, RegExp][] = [
  ['a next key', { nextPrivateKey: 'abc' }, /^"nextPrivateKey": private key: expected 32 bytes/],
  ['a next public key', withPeer({ nextPublicKey: 'abc' }), /^"peers\[1\].nextPublicKey": public/],
  [
    'a promotion',
    withPeer({ promotePublicKey: 1 }),
    /^"peers\[1\].promotePublicKey" expected true/,
  ],
  ['a short key', { privateKey: 'abc' }, /^"privateKey": private key: expected 32 bytes as 44/],
  ['bytes that are too few', { privateKey: new Uint8Array(31) }, /^"privateKey": .* got 31/],
  ['a key in hex', { privateKey: 'a8'.repeat(32) }, /^"privateKey": .* got 64 characters/],
  ['a key of zeros', { privateKey: new PrivateKey() }, /^"privateKey": .* got all zeros/],
  ['a next key of zeros', { nextPrivateKey: new PrivateKey() }, /^"nextPrivateKey": .* all zeros/],
  ['a key as an array', { privateKey: Array(32).fill(1) }, /^"privateKey": .* got object/],
  ['a public key for a private one', { privateKey: publicKey(2) }, /^"privateKey": .* PublicKey/],
  [
    'a port',
    { listenPort: 99_999 },
    /^"listenPort" expected an integer from 0 to 65535, got 99999/,
  ],
  ['a port as text', { listenPort: '1' }, /^"listenPort" .* got a string/],
  ['a port that is not an integer', { listenPort: 1.5 }, /^"listenPort" /],
  ['a mark', { fwmark: 2 ** 32 }, /^"fwmark" expected an integer from 0 to 4294967295/],
  ['a mark that is not a number', { fwmark: NaN }, /^"fwmark" /],
  ['a flag', { replacePeers: 'yes' }, /^"replacePeers" expected true or false/],
  ['peers that are not an array', { peers: {} }, /^"peers" expected an array/],
  ['an unknown field', { presharedKey: 1 }, /^"change" expected one of privateKey, .* "preshared/],
  ['a peer', peers(null), /^"peers\[1\]" expected an object/],
  ['a peer without key', peers({}), /^"peers\[1\].publicKey": public key: .* got undefined/],
  ['an unknown field of a peer', peers({ psk: 1 }), /^"peers\[1\]" expected one of publicKey, /],
  [
    'a preshared key',
    withPeer({ presharedKey: 'abc' }),
    /^"peers\[1\].presharedKey": preshared key: /,
  ],
  ['an empty preshared key', withPeer({ presharedKey: '' }), /^"peers\[1\].presharedKey": /],
  ['an endpoint', withPeer({ endpoint: '192.0.2.1' }), /^"peers\[1\].endpoint": /],
  ['a name', withPeer({ endpoint: 'vpn.example.org:1' }), /^"peers\[1\].endpoint" .* resolve it/],
  ['an endpoint of another kind', withPeer({ endpoint: 5 }), /^"peers\[1\].endpoint" expected /],
  ['a keepalive', withPeer({ persistentKeepalive: 65_536 }), /^"peers\[1\].persistentKeepalive" /],
  ['a prefix', withPeer({ allowedIps: ['10.0.0.0/33'] }), /^"peers\[1\].allowedIps\[0\]": /],
  [
    'a prefix length',
    withPeer({ allowedIps: ['10.0.0.0/8', { address: new Uint8Array(4), prefixLength: 33 }] }),
    /^"peers\[1\].allowedIps\[1\].prefixLength" expected an integer from 0 to 32, got 33/,
  ],
  [
    'no prefix length',
    withPeer({ allowedIps: [{ address: new Uint8Array(4) }] }),
    /^"peers\[1\].allowedIps\[0\].prefixLength" .* got undefined/,
  ],
];

describe('readDeviceChange', () => {
  it('converts text to typed values', () => {
    const { privateKey: own, peers: [peer] = [], ...rest } = readDeviceChange(changeOfText());
    expect(own).toEqual(privateKey(1));
    expect(own).toBeInstanceOf(PrivateKey);
    expect(peer?.publicKey).toBeInstanceOf(PublicKey);
    expect(peer?.presharedKey).toBeInstanceOf(PresharedKey);
    expect(peer?.endpoint).toBeInstanceOf(Endpoint);
    expect(peer?.allowedIps?.map(({ prefixLength }) => prefixLength)).toEqual([8, 32]);
    expect(rest).toEqual({ listenPort: 1, fwmark: 2, replacePeers: true });
  });

  it('reads its own result again, and copies the keys', () => {
    const once = readDeviceChange(changeOfText());
    const twice = readDeviceChange(once);
    expect(twice).toEqual(once);
    wipeSecrets(once);
    expect(twice.privateKey).toEqual(privateKey(1));
    expect(twice.peers?.[0]?.presharedKey).toEqual(presharedKey(3));
    expect(once.privateKey).toEqual(new PrivateKey());
    expect(once.peers?.[0]?.presharedKey).toEqual(new PresharedKey());
  });

  it.each(WRONG)('refuses a wrong value (%s) and names its field', (_, change, message) => {
    expect(() => readDeviceChange(change as DeviceChange)).toThrow(message);
    expect(errorOf(() => readDeviceChange(change as DeviceChange))).toSatisfy(isOurs);
  });

  it('wipes the copied keys if a later field is wrong', () => {
    const [first] = changeOfText().peers ?? [];
    const peer = { ...first, presharedKey: presharedKey(3) };
    const change = { privateKey: privateKey(1), peers: [peer, { ...peer, endpoint: 5 }] };
    const copies: Uint8Array[] = [];
    // oxlint-disable-next-line typescript/unbound-method -- called with an array as `this`
    const { set } = Uint8Array.prototype;
    const spy = vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (
      this: Uint8Array,
      ...source
    ) {
      copies.push(this);
      set.apply(this, source);
    });
    expect(() => readDeviceChange(change as never)).toThrow('"peers[1].endpoint"');
    spy.mockRestore();
    const secrets = copies.filter((copy) => !(copy instanceof PublicKey));
    expect(secrets.length).toBeGreaterThan(1);
    expect(secrets.flatMap((secret) => [...secret]).every((byte) => byte === 0)).toBe(true);
  });
});

describe('readDeviceParts', () => {
  it('yields the device and then each peer, and wipes each part after its use', () => {
    const change = changeOfText();
    const whole = readDeviceChange(change);
    const parts: DeviceConfiguration[] = [];
    for (const part of readDeviceParts(change)) {
      expect(part).toEqual(parts.length === 0 ? { ...whole, peers: undefined } : onePeer(whole));
      parts.push(part);
    }
    expect(parts).toHaveLength(2);
    expect(parts[0].privateKey).toEqual(new PrivateKey());
    expect(parts[1].peers?.[0]?.presharedKey).toEqual(new PresharedKey());
  });

  it.each(WRONG)('refuses a wrong value (%s) and names its field', (_, change, message) => {
    expect(() => [...readDeviceParts(change as DeviceChange)]).toThrow(message);
  });
});

describe('formatSetRequest', () => {
  it('writes the same request for text and for typed values', () => {
    const request = formatSetRequest(changeOfText());
    expect(request).toBe(formatSetRequest(readDeviceChange(changeOfText())));
    expect(request).toContain(`private_key=${Buffer.from(privateKey(1)).toString('hex')}\n`);
    expect(request).toContain(`preshared_key=${'03'.repeat(32)}\n`);
  });

  it.each(WRONG)('refuses a wrong value (%s)', (_, change, message) => {
    expect(() => formatSetRequest(change as DeviceChange)).toThrow(message);
  });
});

function changeOfText(): DeviceChange {
  return {
    privateKey: TEXT.privateKey,
    listenPort: 1,
    fwmark: 2,
    replacePeers: true,
    peers: [
      {
        publicKey: TEXT.publicKey,
        presharedKey: TEXT.presharedKey,
        endpoint: '192.0.2.1:51820',
        allowedIps: ['10.0.0.0/8', '10.0.0.1'],
      },
    ],
  };
}

/** Returns a change with two peers: a valid peer, and then the given one. */
function peers(peer: unknown): Record<string, unknown> {
  return { peers: [{ publicKey: TEXT.publicKey }, peer] };
}

function withPeer(fields: Record<string, unknown>): Record<string, unknown> {
  return peers({ publicKey: TEXT.publicKey, ...fields });
}

function text(key: Uint8Array): string {
  return Buffer.from(key).toString('base64');
}

function errorOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

function isOurs(error: unknown): boolean {
  return [TypeError, RangeError, WireGuardError].some((type) => error instanceof type);
}

function onePeer({ peers }: DeviceConfiguration): DeviceConfiguration {
  return { peers: peers!.slice(0, 1) };
}
