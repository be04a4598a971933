import { describe, expect, it } from 'vitest';
import { keyToHex } from '../../src/text/hex-key.ts';
import {
  formatErrnoResponse,
  formatGetDevice,
  formatGetPeers,
  formatGetResponse,
} from '../../src/uapi/get-response.ts';
import { parseGetResponse } from '../../src/uapi/parse-response.ts';
import { privateKey, publicKey } from '../keys.ts';
import { STATUS, STATUS_WITH_NEXT_KEYS } from './device-status.ts';

describe('formatGetResponse', () => {
  it.each<[string, object, RegExp]>([
    ['a key as bytes that are too few', { privateKey: new Uint8Array(31) }, /^"privateKey": /],
    ['text that is not a key', { privateKey: 'abc' }, /^"privateKey": /],
    ['no port', { listenPort: undefined }, /^"listenPort" expected .* got undefined/],
    ['a port', { listenPort: 99_999 }, /^"listenPort" expected an integer from 0 to 65535/],
    ['a mark', { fwmark: -1 }, /^"fwmark" /],
    ['no peers', { peers: undefined }, /^"peers" expected an array/],
    ['a keepalive', withPeer({ persistentKeepalive: 1e9 }), /^"peers\[0\].persistentKeepalive" /],
    ['a count', withPeer({ sentBytes: 1.5 }), /^"peers\[0\].sentBytes" /],
    ['a time', withPeer({ lastHandshakeUnixMs: NaN }), /^"peers\[0\].lastHandshakeUnixMs" /],
    ['a preshared key', withPeer({ presharedKey: '' }), /^"peers\[0\].presharedKey": /],
    ['an endpoint', withPeer({ endpoint: {} }), /^"peers\[0\].endpoint" /],
    [
      'a prefix',
      withPeer({ allowedIps: [{ address: new Uint8Array(4), prefixLength: 64 }] }),
      /^"peers\[0\].allowedIps\[0\].prefixLength" /,
    ],
  ])('refuses a wrong value (%s)', (_, wrong, message) => {
    expect(() => formatGetResponse({ ...STATUS, ...wrong })).toThrow(message);
  });

  it('accepts a key that is base64 text', () => {
    const text = { ...STATUS, privateKey: privateKey(1).toBase64() as never };
    expect(formatGetResponse(text)).toBe(formatGetResponse(STATUS));
  });

  it('writes the lines in the order of wireguard-go', () => {
    expect(formatGetResponse(STATUS)).toBe(`private_key=${keyToHex(privateKey(1))}
listen_port=51820
fwmark=16
public_key=${'02'.repeat(32)}
preshared_key=${'03'.repeat(32)}
protocol_version=1
endpoint=192.0.2.1:51820
last_handshake_time_sec=1700000000
last_handshake_time_nsec=250000000
tx_bytes=12
rx_bytes=1099511627776
persistent_keepalive_interval=25
allowed_ip=10.0.0.0/8
allowed_ip=fd00::/64
public_key=${'04'.repeat(32)}
preshared_key=${'00'.repeat(32)}
protocol_version=1
last_handshake_time_sec=0
last_handshake_time_nsec=0
tx_bytes=0
rx_bytes=0
persistent_keepalive_interval=0
errno=0

`);
  });

  it('writes only the errno for an empty device', () => {
    expect(formatGetResponse({ listenPort: 0, fwmark: 0, peers: [] })).toBe('errno=0\n\n');
  });
});

describe('the option `keys`', () => {
  it('adds the next keys of the device and of a peer', () => {
    const text = formatGetResponse(STATUS_WITH_NEXT_KEYS, { keys: true });
    expect(text).toContain(`\nlitz_next_private_key=${keyToHex(privateKey(5))}\nlisten_port=`);
    expect(text).toContain(`\nlitz_next_public_key=${keyToHex(publicKey(6))}\n`);
  });

  it('is off by default', () => {
    expect(formatGetResponse(STATUS_WITH_NEXT_KEYS)).toBe(formatGetResponse(STATUS));
    expect(formatGetResponse(STATUS_WITH_NEXT_KEYS)).not.toContain('litz_');
  });

  it('names the field of a wrong key in the error', () => {
    const wrong = { ...STATUS_WITH_NEXT_KEYS, nextPrivateKey: new Uint8Array(3) } as never;
    expect(() => formatGetDevice(wrong, { keys: true })).toThrow('"nextPrivateKey"');
    const peer = { ...STATUS.peers[0], nextPublicKey: new Uint8Array(3) } as never;
    expect(() => formatGetPeers([peer], { keys: true })).toThrow('"peers[0].nextPublicKey"');
  });
});

describe('the name of an endpoint', () => {
  const peer = { ...STATUS.peers[0], endpointName: 'büro.example:51820' };
  const status = { ...STATUS, peers: [peer] };

  it.each([{ keys: true }, { stats: true }])('is in the answer with %j', (options) => {
    const text = formatGetResponse(status, options);
    expect(text).toContain('\nlitz_endpoint_name=b\u00c3\u00bcro.example:51820\n');
    expect(parseGetResponse(text)).toEqual(status);
  });

  it('is not in the answer for wg', () => {
    expect(formatGetResponse(status)).not.toContain('litz_');
  });

  it('is refused if it is not HOST:PORT', () => {
    const wrong = { ...peer, endpointName: 'a:1\nlisten_port=1' };
    expect(() => formatGetPeers([wrong], { keys: true })).toThrow('"peers[0].endpointName"');
  });
});

describe('the option `stats`', () => {
  const details = {
    provider: 'wasm',
    providerReason: 'the\nfastest',
    offloads: ['tunTcp', 'udpGro'],
    threads: 1,
    priority: 'realtime' as const,
    drops: { 'bad-mac1': 7 },
  };
  const peer = {
    ...STATUS.peers[0],
    drops: { 'invalid-tag': 2 },
    unansweredInitiations: 3,
    sentMessages: 5,
    receivedMessages: 6,
    roundTripMs: 12.345,
  };
  const status = { ...STATUS, details, peers: [peer] };

  it('adds the details of the device, and the counts, round trip and drops of peers', () => {
    const text = formatGetResponse(status, { stats: true });
    expect(text.match(/^litz_.*$/gm)).toEqual([
      'litz_provider=wasm',
      'litz_provider_reason=the fastest',
      'litz_offload=tunTcp',
      'litz_offload=udpGro',
      'litz_threads=1',
      'litz_priority=realtime',
      'litz_drop=bad-mac1 7',
      'litz_unanswered_initiations=3',
      'litz_sent_messages=5',
      'litz_received_messages=6',
      'litz_round_trip_us=12345',
      'litz_drop=invalid-tag 2',
    ]);
    expect(parseGetResponse(text)).toMatchObject({
      details: { ...details, providerReason: 'the fastest' },
      peers: [
        {
          drops: { 'invalid-tag': 2 },
          unansweredInitiations: 3,
          sentMessages: 5,
          receivedMessages: 6,
          roundTripMs: 12.345,
        },
      ],
    });
  });

  it('is off by default', () => {
    expect(formatGetResponse(status)).not.toContain('litz_');
  });

  it('adds the reasons of drops; parseGetResponse ignores a reason that it does not know', () => {
    const text = formatGetResponse(status, { stats: true }).replace('bad-mac1', 'too-purple');
    expect(parseGetResponse(text).details?.drops).toEqual({});
  });

  it('names the field of a wrong number in the error', () => {
    const wrong = { ...peer, drops: { 'invalid-tag': -1 } };
    expect(() => formatGetPeers([wrong], { stats: true })).toThrow('"peers[0].drops"');
    const late = { ...peer, roundTripMs: -1 };
    expect(() => formatGetPeers([late], { stats: true })).toThrow('"peers[0].litz_round_trip_us"');
  });
});

describe('formatGetPeers', () => {
  it('continues the answer of formatGetDevice, in any number of parts', () => {
    const [first, second] = STATUS.peers.map((peer) => formatGetPeers([peer]));
    const pieces = [formatGetDevice(STATUS), first, formatGetPeers([]), second];
    expect(pieces.join('') + formatErrnoResponse(0)).toBe(formatGetResponse(STATUS));
  });

  it('writes nothing if there are no peers; formatGetDevice writes nothing without key, port and mark', () => {
    expect(formatGetDevice({ listenPort: 0, fwmark: 0 })).toBe('');
    expect(formatGetPeers([])).toBe('');
  });
});

function withPeer(fields: object): object {
  return { peers: [{ ...STATUS.peers[0], ...fields }] };
}
