import { copyCipherProvider } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REJECT_AFTER_MESSAGES } from '../../src/constants.ts';
import { nobleProvider } from '../../src/crypto/noble.ts';
import type { Cipher } from '../../src/crypto/provider.ts';
import { Keypair } from '../../src/peer/keypairs.ts';
import { PublicKey } from '../../src/keys.ts';
import type { Peer } from '../../src/peer/peer.ts';
import { SenderIndexTable } from '../../src/peer/sender-index.ts';
import type { PacketRun } from '../../src/wire/packet-run.ts';
import {
  messageLengthOf,
  openTransportData,
  paddingLengthOf,
  receiverIndexOf,
  TAILROOM,
  sealTransportData,
  sealTransportRun,
} from '../../src/wire/transport-data.ts';

describe('sealTransportData', () => {
  it('writes type, receiver, counter and padding around the packet, and nothing outside', () => {
    const { keypair } = keypairWithItself(0xfedcba98);
    keypair.sendCounter = 2 ** 40 + 0x01020304;
    const buffer = new Uint8Array(16 + 3 + 13 + 16 + 2).fill(0xee);
    const length = sealTransportData(keypair, buffer, 17, 3, 1420);
    expect(length).toBe(16 + 16 + 16);
    const hex = Buffer.from(buffer.subarray(0, 17)).toString('hex');
    expect(hex.match(/^(..)(.{8})(.{8})(.{16})$/)?.slice(1)).toEqual([
      'ee',
      '04000000',
      '98badcfe',
      '0403020100010000',
    ]);
    expect([...buffer.subarray(17, 33)]).toEqual([0xee, 0xee, 0xee, ...Array(13).fill(0)]);
    expect(buffer[49]).toBe(0xee);
    expect(keypair.sendCounter).toBe(2 ** 40 + 0x01020305);
  });
});

describe('sealTransportRun', () => {
  it('writes the same bytes as sealing packet by packet, and nothing between the messages', () => {
    const lengths = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.nat(199), fc.nat(5), fc.nat(200));
    fc.assert(
      fc.property(lengths, fc.integer({ min: 50, max: 210 }), ([length, less, more, gap], mtu) => {
        const last = Math.max(1, length - less);
        const stride = messageLengthOf(length, mtu) + gap;
        const buffer = new Uint8Array((more + 1) * stride + 8).fill(0xee);
        const expected = buffer.slice();
        const [run, one] = [keypairWithItself(7).keypair, keypairWithItself(7).keypair];
        let end = 0;
        for (let i = 0; i <= more; i++) {
          const at = 16 + i * stride;
          end = sealTransportData(one, expected, at, i === more ? last : length, mtu);
        }
        expect(
          sealRun(
            run,
            {
              buffer: buffer,
              offset: 16,
              stride: stride,
              length: length,
              lastLength: last,
              count: more + 1,
            },
            mtu,
          ),
        ).toBe(end);
        expect(buffer).toEqual(expected);
        expect(run.sendCounter).toBe(more + 1);
      }),
    );
  });

  it('writes the same bytes if the cipher overwrites all the space that it may use', () => {
    const lengths = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.nat(199), fc.nat(5), fc.nat(100));
    const counters = fc.constantFrom(0, 2 ** 32 - 2, 2 ** 40 + 5);
    fc.assert(
      fc.property(lengths, counters, ([length, less, more, gap], counter) => {
        const last = Math.max(1, length - less);
        const stride = paddedLength(length) + 16 + 64 + gap;
        const buffer = new Uint8Array(64 + (more + 1) * stride + 8).fill(0xee);
        const single = buffer.slice();
        const [run, one] = [
          keypairWithItself(7, untidyCipher()).keypair,
          keypairWithItself(7).keypair,
        ];
        run.sendCounter = one.sendCounter = counter;
        const end = sealRun(
          run,
          {
            buffer: buffer,
            offset: 64,
            stride: stride,
            length: length,
            lastLength: last,
            count: more + 1,
          },
          1420,
        );
        let message = 0;
        for (let i = 0; i <= more; i++) {
          const at = 64 + i * stride;
          message = sealTransportData(one, single, at, i === more ? last : length, 1420);
          const [from, to] = [at - 16, at - 16 + message];
          expect(buffer.subarray(from, to)).toEqual(single.subarray(from, to));
        }
        expect(end).toBe(message);
        expect(run.sendCounter).toBe(one.sendCounter);
      }),
    );
  });

  it('passes all packets of one length to the cipher at once, padded, and passes a shorter last packet separately', () => {
    const calls: number[][] = [];
    const cipher = untidyCipher((...call) => calls.push(call));
    const { keypair } = keypairWithItself(7, cipher);
    const buffer = new Uint8Array(4096);
    expect(
      sealRun(
        keypair,
        { buffer: buffer, offset: 64, stride: 256, length: 101, lastLength: 101, count: 3 },
        1420,
      ),
    ).toBe(144);
    expect(
      sealRun(
        keypair,
        { buffer: buffer, offset: 64, stride: 256, length: 101, lastLength: 90, count: 3 },
        1420,
      ),
    ).toBe(128);
    expect(
      sealRun(
        keypair,
        { buffer: buffer, offset: 64, stride: 256, length: 101, lastLength: 90, count: 1 },
        1420,
      ),
    ).toBe(128);
    expect(calls).toEqual([
      [0, 64, 112, 256, 3],
      [3, 64, 112, 256, 2],
      [5, 64 + 2 * 256, 96, 256, 1],
      [6, 64, 96, 256, 1],
    ]);
    expect(keypair.sendCounter).toBe(7);
  });
});

describe('sealTransportRun of a part of a run', () => {
  it('seals the last packet of the part with `length`, because `lastLength` is for the last packet of the run', () => {
    const calls: number[][] = [];
    const { keypair } = keypairWithItself(
      7,
      untidyCipher((...call) => calls.push(call)),
    );
    const buffer = new Uint8Array(4096);
    const run = { buffer, offset: 64, stride: 256, length: 101, lastLength: 3, count: 3 };
    expect(sealTransportRun(keypair, run, 2, 1420)).toBe(144);
    expect(calls).toEqual([[0, 64, 112, 256, 2]]);
  });

  it('does not call sealRun of the cipher for a run with stride 0, which has too little space around its packet', () => {
    const calls: number[][] = [];
    const { keypair } = keypairWithItself(
      7,
      untidyCipher((...call) => calls.push(call)),
    );
    const buffer = new Uint8Array(16 + 40 + 31);
    const run = { buffer, offset: 16, stride: 0, length: 40, lastLength: 40, count: 1 };
    expect(sealRun(keypair, run, 1420)).toBe(48 + 32);
    expect(calls).toEqual([]);
    expect(buffer[0]).toBe(4);
  });
});

describe('TAILROOM', () => {
  it('is the most that padding and tag take', () => {
    expect(TAILROOM).toBe(15 + 16);
  });
});

describe('paddingLengthOf', () => {
  it('pads to a multiple of 16 or to the MTU, whichever is less', () => {
    fc.assert(
      fc.property(fc.nat(65_535), fc.integer({ min: 1, max: 65_535 }), (length, mtu) => {
        const padding = paddingLengthOf(length, mtu);
        expect(padding).toBeGreaterThanOrEqual(0);
        expect(padding).toBeLessThan(16);
        expect(padding === 0 || length + padding <= mtu).toBe(true);
        expect((length + padding) % 16 === 0 || length + padding >= mtu).toBe(true);
      }),
    );
  });

  it('is 0 for a keepalive', () => {
    expect(paddingLengthOf(0, 1420)).toBe(0);
  });
});

describe('openTransportData', () => {
  it('opens what was sealed, at any offset and with any counter', () => {
    const counter = fc.oneof(
      fc.nat(2 ** 31),
      fc.constantFrom(2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52, REJECT_AFTER_MESSAGES - 1),
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300, size: 'max' }),
        fc.nat(20),
        counter,
        (packet, at, n) => {
          const { keypair, indices } = keypairWithItself(0x80000001);
          keypair.sendCounter = n;
          const buffer = new Uint8Array(at + packet.length + 64);
          buffer.set(packet, at + 16);
          const length = sealTransportData(keypair, buffer, at + 16, packet.length, 1420);
          expect(openTransportData(indices, buffer, at, length, 0)).toBe(keypair);
          expect(buffer.slice(at + 16, at + 16 + packet.length)).toEqual(packet);
          expect(openTransportData(indices, buffer, at, length, 0)).toBe('replayed-counter');
        },
      ),
    );
  });

  it('returns why it does not open a message, and then does not move the window', () => {
    const { keypair, indices } = keypairWithItself(0xfedcba98);
    const message = new Uint8Array(48);
    const length = sealTransportData(keypair, message, 16, 0, 1420);
    expect(receiverIndexOf(message, 0) >>> 0).toBe(0xfedcba98);
    expect(openTransportData(indices, message, 0, length - 1, 0)).toBe('wrong-length');
    const wrongTag = message.slice();
    wrongTag[16] ^= 1;
    expect(openTransportData(indices, wrongTag, 0, length, 0)).toBe('invalid-tag');
    const elsewhere = message.slice();
    elsewhere[4] ^= 1;
    expect(openTransportData(indices, elsewhere, 0, length, 0)).toBe('unknown-index');
    expect(openTransportData(indices, message.slice(), 0, length, 180_000)).toBe('expired-keypair');
    expect(openTransportData(indices, message, 0, length, 179_999)).toBe(keypair);
  });

  it('refuses counters from the limit on, also those that a number cannot represent', () => {
    const { keypair, indices } = keypairWithItself(7);
    const buffer = new Uint8Array(48);
    for (const n of [2n ** 53n - 2n ** 13n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
      const length = sealTransportData(keypair, buffer, 16, 0, 1420);
      new DataView(buffer.buffer).setBigUint64(8, n, true);
      expect(openTransportData(indices, buffer, 0, length, 0)).toBe('counter-limit');
    }
  });
});

/** Seals a whole run. */
function sealRun(keypair: Keypair, run: PacketRun, mtu: number): number {
  return sealTransportRun(keypair, run, run.count, mtu);
}

function paddedLength(length: number): number {
  return length + paddingLengthOf(length, 1420);
}

/**
 * A cipher that copies instead of encrypting, and overwrites all the space that `Cipher.sealRun`
 * may overwrite.
 */
function untidyCipher(
  onCall?: (
    counter: number,
    offset: number,
    length: number,
    stride: number,
    count: number,
  ) => unknown,
): Cipher {
  const cipher = copyCipherProvider(nobleProvider).createCipher(new Uint8Array(32));
  return {
    seal: (...text) => cipher.seal(...text),
    open: (...text) => cipher.open(...text),
    destroy: () => cipher.destroy(),
    sealRun(counter, buffer, offset, length, stride, count) {
      onCall?.(counter, offset, length, stride, count);
      for (let i = 0; i < count; i++) {
        const at = offset + i * stride;
        buffer.fill(0xd1, at - 64, at);
        buffer.fill(0xd2, at + length, at + length + 64);
        cipher.seal(counter + i, buffer, at, length);
      }
    },
  };
}

/** A keypair that opens what it sealed, with a cipher that only copies. */
function keypairWithItself(
  index: number,
  sendCipher: Cipher = copyCipherProvider(nobleProvider).createCipher(new Uint8Array(32)),
): { keypair: Keypair; indices: SenderIndexTable<Peer, Keypair> } {
  const indices = new SenderIndexTable<Peer, Keypair>((out) => {
    new DataView(out.buffer).setUint32(0, index, true);
  });
  const peer = {} as Peer;
  const crypto = copyCipherProvider(nobleProvider);
  const localIndex = indices.reserve(peer);
  const keypair = new Keypair({
    peer,
    staticKeys: { own: NO_KEY, peer: NO_KEY },
    isInitiator: true,
    localIndex,
    remoteIndex: localIndex,
    sendCipher,
    receiveCipher: crypto.createCipher(new Uint8Array(32)),
    limits: { rekeyAfterMessages: 2 ** 52, rejectAfterMessages: REJECT_AFTER_MESSAGES },
    createdAt: 0,
  });
  indices.assign(localIndex, keypair);
  return { keypair, indices };
}

const NO_KEY = new PublicKey(32);
