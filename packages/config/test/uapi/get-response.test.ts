import { Endpoint, parseCidr } from '@litz/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeviceStatus } from '../../src/device-configuration.ts';
import { keyToHex } from '../../src/text/hex-key.ts';
import {
  formatErrnoResponse,
  formatGetDevice,
  formatGetPeers,
  formatGetResponse,
  parseErrnoResponse,
  parseGetResponse,
} from '../../src/uapi/get-response.ts';
import { UapiError } from '../../src/uapi/uapi-error.ts';
import { presharedKey, privateKey, publicKey, RUNS } from '../keys.ts';

const STATUS: DeviceStatus = {
  privateKey: privateKey(1),
  listenPort: 51820,
  fwmark: 16,
  peers: [
    {
      publicKey: publicKey(2),
      presharedKey: presharedKey(3),
      endpoint: new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820),
      persistentKeepalive: 25,
      allowedIps: [parseCidr('10.0.0.0/8'), parseCidr('fd00::/64')],
      lastHandshakeUnixMs: 1_700_000_000_250,
      receivedBytes: 2 ** 40,
      sentBytes: 12,
    },
    {
      publicKey: publicKey(4),
      persistentKeepalive: 0,
      allowedIps: [],
      lastHandshakeUnixMs: 0,
      receivedBytes: 0,
      sentBytes: 0,
    },
  ],
};

describe('formatGetResponse', () => {
  it.each<[string, object, RegExp]>([
    ['a key as bytes that are too few', { privateKey: new Uint8Array(31) }, /^"privateKey": /],
    ['text that is no key', { privateKey: 'abc' }, /^"privateKey": /],
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
  ])('writes nothing of %s', (_, wrong, message) => {
    expect(() => formatGetResponse({ ...STATUS, ...wrong })).toThrow(message);
  });

  it('writes keys that are text', () => {
    const text = { ...STATUS, privateKey: privateKey(1).toBase64() as never };
    expect(formatGetResponse(text)).toBe(formatGetResponse(STATUS));
  });

  it('writes the keys in the order of the reference', () => {
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

  it('says nothing of an empty device', () => {
    expect(formatGetResponse({ listenPort: 0, fwmark: 0, peers: [] })).toBe('errno=0\n\n');
  });
});

describe('parseGetResponse', () => {
  it('reads what formatGetResponse writes', () => {
    expect(parseGetResponse(formatGetResponse(STATUS))).toEqual(STATUS);
  });

  it('passes over keys that it does not know', () => {
    const text = `colour=red\npublic_key=${'02'.repeat(32)}\nshape=round\nerrno=0\n\n`;
    expect(parseGetResponse(text).peers).toHaveLength(1);
  });

  it('keeps the interface of a link-local endpoint, as a name or a number', () => {
    expect(endpointOf('eth0')).toMatchObject({ zone: 'eth0', scopeId: 0 });
    expect(endpointOf('5')).toMatchObject({ zone: undefined, scopeId: 5 });
  });

  it('throws the errno that was answered', () => {
    expect(() => parseGetResponse('errno=-22\n\n')).toThrow('answered errno -22 (EINVAL)');
    expect(() => parseGetResponse('errno=-22\n\n')).toThrow(
      expect.objectContaining({ errno: -22 }),
    );
  });

  it.each([
    '',
    '\n\n',
    'listen_port=1\n\n',
    'listen_port=x\nerrno=0\n\n',
    'fwmark\nerrno=0\n\n',
    'errno=zero\n\n',
    `public_key=1\nerrno=0\n\n`,
    `public_key=${'02'.repeat(32)}\nallowed_ip=x/1\nerrno=0\n\n`,
    `public_key=${'02'.repeat(32)}\nendpoint=x\nerrno=0\n\n`,
    `public_key=${'02'.repeat(32)}\nnothing\nerrno=0\n\n`,
  ])('refuses %j as no answer', (text) => {
    expect(() => parseGetResponse(text)).toThrow(expect.objectContaining({ errno: -71 }));
  });

  it('throws nothing but its own error', () => {
    const whole = formatGetResponse(STATUS);
    const cut = fc.tuple(fc.nat(whole.length), fc.nat(whole.length), fc.string());
    fc.assert(
      fc.property(cut, ([from, to, instead]) => {
        const text = whole.slice(0, from) + instead + whole.slice(to);
        expect(outcome(text)).toMatch(/^(read|refused)$/);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('the keys that a device and its peers go over to', () => {
  const status: DeviceStatus = {
    ...STATUS,
    nextPrivateKey: privateKey(5),
    peers: [
      {
        ...STATUS.peers[0],
        nextPublicKey: publicKey(6),
        sessionStaticKeys: { own: publicKey(8), peer: publicKey(6) },
      },
      STATUS.peers[1],
    ],
  };

  it('are told to whoever asks for them, and read back', () => {
    const text = formatGetResponse(status, { keys: true });
    expect(text).toContain(`\nlitz_next_private_key=${keyToHex(privateKey(5))}\nlisten_port=`);
    expect(text).toContain(`\nlitz_next_public_key=${keyToHex(publicKey(6))}\n`);
    expect(parseGetResponse(text)).toEqual(status);
  });

  it('are told to nobody else', () => {
    expect(formatGetResponse(status)).toBe(formatGetResponse(STATUS));
    expect(formatGetResponse(status)).not.toContain('litz_');
  });

  it('are checked by their names', () => {
    const wrong = { ...status, nextPrivateKey: new Uint8Array(3) } as never;
    expect(() => formatGetDevice(wrong, { keys: true })).toThrow('"nextPrivateKey"');
    const peer = { ...status.peers[0], nextPublicKey: new Uint8Array(3) } as never;
    expect(() => formatGetPeers([peer], { keys: true })).toThrow('"peers[0].nextPublicKey"');
  });
});

describe('formatGetPeers', () => {
  it('continues what formatGetDevice begins, however the peers are cut', () => {
    const [first, second] = STATUS.peers.map((peer) => formatGetPeers([peer]));
    const pieces = [formatGetDevice(STATUS), first, formatGetPeers([]), second];
    expect(pieces.join('') + formatErrnoResponse(0)).toBe(formatGetResponse(STATUS));
  });

  it('says nothing of a device without keys, port, mark and peers', () => {
    expect(formatGetDevice({ listenPort: 0, fwmark: 0 })).toBe('');
    expect(formatGetPeers([])).toBe('');
  });
});

describe('parseErrnoResponse', () => {
  it('reads what formatErrnoResponse writes', () => {
    expect(() => parseErrnoResponse(formatErrnoResponse(0))).not.toThrow();
    expect(() => parseErrnoResponse(formatErrnoResponse(-98))).toThrow('errno -98 (EADDRINUSE)');
    expect(() => parseErrnoResponse('hello\n\n')).toThrow('without an errno');
  });
});

function outcome(text: string): string {
  try {
    parseGetResponse(text);
    return 'read';
  } catch (error) {
    return error instanceof UapiError ? 'refused' : String(error);
  }
}

function withPeer(fields: object): object {
  return { peers: [{ ...STATUS.peers[0], ...fields }] };
}

function endpointOf(zone: string): unknown {
  const line = `endpoint=[fe80::1%${zone}]:1`;
  const text = `public_key=${'02'.repeat(32)}\n${line}\nerrno=0\n\n`;
  return parseGetResponse(text).peers[0].endpoint;
}

describe('parseGetResponse of a key that stands alone', () => {
  it('does not repeat it', () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7)).toString('base64');
    let text = '';
    try {
      parseGetResponse(`${key}\nerrno=0\n\n`);
    } catch (error) {
      text = (error as Error).message;
    }
    expect(text).toContain('answer, line 1');
    expect(text).not.toContain(key.slice(0, 20));
  });
});
