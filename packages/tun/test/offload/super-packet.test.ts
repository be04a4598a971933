import { slowSum } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createByteOperations,
  SplitFailure,
  splitSuperPacket,
  SuperPacketSplitter,
  VNET_HEADER_LENGTH,
  type SegmentSlab,
} from '../../src/offload/index.ts';
import { arbitraryShape, payloadOf, RUNS, TIMEOUT_MS } from './arbitrary.ts';
import {
  ACK,
  FIN,
  hasRightSums,
  packetOf,
  PSH,
  segmentsOf,
  superPacketOf,
  type PacketShape,
} from './segments.ts';

const HEADROOM = 16;
const TAILROOM = 31;

describe('splitSuperPacket', () => {
  test.each([
    [4, 'tcp'],
    [6, 'tcp'],
    [4, 'udp'],
    [6, 'udp'],
  ] as const)('splits a super-packet of IPv%i %s', (version, protocol) => {
    const flags = ACK | PSH | FIN;
    const shape = { version, protocol, payload: payloadOf(3001, 1), flags, sequence: 2 ** 32 - 9 };

    expect(split(superPacketOf(shape, 1000))).toEqual(segmentsOf(shape, 1000));
  });

  test(
    'makes the packets that the sender would have sent without offloads, for any headers',
    () => {
      fc.assert(
        fc.property(arbitraryShape(9000), fc.integer({ min: 50, max: 2000 }), (shape, gsoSize) => {
          expect(split(superPacketOf(shape, gsoSize))).toEqual(segmentsOf(shape, gsoSize));
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test('splits within one buffer, and does not change the source', () => {
    const source = superPacketOf({ version: 4, protocol: 'tcp', payload: payloadOf(300, 1) }, 100);
    const buffer = new Uint8Array(4000);
    buffer.set(source, 100);
    const slab = slabIn(buffer, 1000, 500, 6);

    const count = splitSuperPacket(buffer, 100, source.length, slab);

    expect(count).toBe(3);
    expect(buffer.subarray(100, 100 + source.length)).toEqual(source);
  });

  test('writes only the segments, and does not change headroom, tailroom and the rest of the slab', () => {
    const source = superPacketOf({ version: 6, protocol: 'udp', payload: payloadOf(250, 1) }, 100);
    const buffer = new Uint8Array(4000).fill(0xee);
    const slab = slabIn(buffer, 7, 300, 5);

    const count = splitSuperPacket(source, 0, source.length, slab);

    const expected = new Uint8Array(4000).fill(0xee);
    for (const i of [0, 1, 2]) {
      const at = 7 + i * 300 + HEADROOM;
      expected.set(buffer.subarray(at, at + slab.lengths[i]), at);
    }
    expect(count).toBe(3);
    expect([...slab.lengths.subarray(0, 3)]).toEqual([148, 148, 98]);
    expect(buffer).toEqual(expected);
  });

  test('does not trust hdr_len', () => {
    const shape: PacketShape = { version: 4, protocol: 'tcp', payload: payloadOf(2000, 1) };
    const source = superPacketOf(shape, 1000);
    new DataView(source.buffer).setUint16(2, source.length, true);

    expect(split(source)).toEqual(segmentsOf(shape, 1000));
  });

  test('never writes a UDP checksum of zero', () => {
    const shape: PacketShape = { version: 6, protocol: 'udp', payload: new Uint8Array(200) };
    const probe = packetOf({ ...shape, payload: new Uint8Array(100) });
    // If the payload also contains the checksum, the whole sum is 0xffff, and the new checksum
    // would be 0.
    const [high, low] = probe.subarray(46);
    for (const at of [0, 100]) shape.payload.set([high, low], at);

    const segments = split(superPacketOf(shape, 100));

    for (const segment of segments) {
      expect([segment[46], segment[47]]).toEqual([0xff, 0xff]);
      expect(hasRightSums(segment)).toBe(true);
    }
  });

  test.each([4, 6] as const)('completes the checksum of a single IPv%i packet', (version) => {
    const shape = { version, protocol: 'tcp', payload: payloadOf(77, 3) } as const;
    const source = superPacketOf(shape, 0);
    source[1] = 0;

    expect(split(source)).toEqual([packetOf(shape)]);
  });

  test('copies a single packet of another protocol unchanged', () => {
    const packet = packetOf({ version: 4, protocol: 'udp', payload: payloadOf(9, 1) });
    packet[9] = 47;

    expect(split(withVnet(packet))).toEqual([packet]);
  });

  test('keeps IPv6 extension headers in every segment', () => {
    const shape: PacketShape = { version: 6, protocol: 'udp', payload: payloadOf(25, 1) };
    const plain = superPacketOf(shape, 10);
    const extension = Uint8Array.of(17, 0, 1, 4, 0, 0, 0, 0);
    const source = Uint8Array.of(...plain.subarray(0, 50), ...extension, ...plain.subarray(50));
    source[VNET_HEADER_LENGTH + 5] += 8;
    source[VNET_HEADER_LENGTH + 6] = 0;
    source[6] = 48;

    const segments = split(source);

    expect(segments).toHaveLength(3);
    for (const segment of segments) {
      expect(segment.subarray(40, 48)).toEqual(extension);
      expect(segment[5]).toBe(segment.length - 40);
      const transport = segment.subarray(48);
      const pseudo = [...segment.subarray(8, 40), 0, 0, 0, transport.length, 0, 17];
      expect(slowSum(Uint8Array.of(...pseudo, ...transport))).toBe(0xffff);
    }
  });
});

describe('SplitFailure', () => {
  test.each([
    ['badLength', 'no byte', new Uint8Array(0)],
    ['badLength', 'a cut IP header', tcp().subarray(0, 29)],
    ['badLength', 'a cut TCP header', tcp().subarray(0, IP + 39)],
    ['badLength', 'cut TCP options', at(IP + 32, 0xf0).subarray(0, IP + 79)],
    ['badLength', 'more than 64 KiB', new Uint8Array(IP + 40 + 65536)],
    ['unknownType', 'type 3', at(1, 3)],
    ['unknownType', 'the ECN bit', at(1, 0x81)],
    ['noSegmentSize', 'segments of 0 bytes', at(4, 0, 0)],
    ['wrongProtocol', 'the type of IPv6', at(1, 4)],
    ['wrongProtocol', 'IP version 6', at(IP, 0x65)],
    ['wrongProtocol', 'IP version 5', at(IP, 0x55)],
    ['wrongProtocol', 'UDP', at(IP + 9, 17)],
    ['badIpHeader', 'a header of 16 bytes', at(IP, 0x44)],
    ['badIpHeader', 'a header of 24 bytes', at(IP, 0x46)],
    ['badIpHeader', 'the checksum at byte 24', at(6, 24)],
    ['badTransportHeader', 'a header of 16 bytes', at(IP + 32, 0x40)],
    ['badChecksumField', 'offset 6', at(8, 6)],
    ['badChecksumField', 'no segmentation, start 0x153', at(1, 0, 0, 0, 0, 0, 0x53, 1)],
    ['badChecksumField', 'no segmentation, start 2', at(1, 0, 0, 0, 0, 0, 2)],
  ] as const)('%s: %s', (failure, _, source) => {
    expect(splitSuperPacket(source, 0, source.length, emptySlab())).toBe(SplitFailure[failure]);
  });

  test('is tooManySegments if the slab has too few places, and nothing is written', () => {
    const source = tcp();
    const slab = slabIn(new Uint8Array(4000), 0, 300, 2);

    expect(splitSuperPacket(source, 0, source.length, slab)).toBe(SplitFailure.tooManySegments);
    expect(slab.buffer.every((byte) => byte === 0)).toBe(true);
  });

  test.each([
    [
      'a segment with headroom and tailroom is longer than the stride',
      140 + HEADROOM + TAILROOM - 1,
      4000,
    ],
    ['the last segment is outside of the buffer', 300, 899],
  ])('is slabTooSmall if %s', (_, stride, length) => {
    const source = tcp();
    const slab = slabIn(new Uint8Array(length), 0, stride, 3);

    expect(splitSuperPacket(source, 0, source.length, slab)).toBe(SplitFailure.slabTooSmall);
  });

  test(
    'is returned for a damaged super-packet if it cannot be split; no headroom is overwritten',
    () => {
      const mutations = fc.array(fc.tuple(fc.nat(90), fc.nat(255)), { maxLength: 6 });
      fc.assert(
        fc.property(
          arbitraryShape(600),
          fc.nat(300),
          mutations,
          fc.nat(700),
          (shape, size, m, cut) => {
            const source = superPacketOf(shape, size);
            for (const [offset, value] of m) if (offset < source.length) source[offset] = value;
            const length = Math.min(cut, source.length);
            const buffer = new Uint8Array(1000 * 800).fill(0xee);

            const count = splitSuperPacket(source, 0, length, slabIn(buffer, 0, 800, 1000));

            expect(count).toBeGreaterThan(-10);
            const fronts = Array.from({ length: 1000 }, (_, i) => buffer[i * 800 + HEADROOM - 1]);
            expect(fronts.every((byte) => byte === 0xee)).toBe(true);
          },
        ),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test(
    'is returned for random bytes that cannot be split',
    () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 120, size: 'max' }), (bytes) => {
          expect(splitSuperPacket(bytes, 0, bytes.length, emptySlab())).toBeGreaterThan(-10);
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );
});

describe('SuperPacketSplitter', () => {
  test('continues after the slab was full', () => {
    const shape: PacketShape = { version: 6, protocol: 'tcp', payload: payloadOf(1234, 1) };
    const source = superPacketOf(shape, 100);
    const splitter = new SuperPacketSplitter();
    const slab = slabIn(new Uint8Array(4 * 300), 0, 300, 4);
    const segments: Uint8Array[] = [];

    expect(splitter.begin(source, 0, source.length)).toBe(13);
    expect(splitter.segmentLength).toBe(160);
    for (let count = splitter.next(slab); count > 0; count = splitter.next(slab)) {
      segments.push(...written(slab, count));
    }

    expect(segments).toEqual(segmentsOf(shape, 100));
  });

  test.each([
    ['outside the memory of its byte operations', false],
    ['in the memory of its byte operations', true],
  ])('writes many segments per call, to a buffer %s', (_, inside) => {
    const shape: PacketShape = { version: 4, protocol: 'tcp', payload: payloadOf(1234, 1) };
    const memory = new Uint8Array(8192);
    const source = superPacketOf(shape, 100);
    memory.set(source);
    const splitter = new SuperPacketSplitter(inside ? createByteOperations(memory) : undefined);
    const target = inside ? memory : new Uint8Array(8192);

    expect(splitter.begin(memory, 0, source.length)).toBe(13);
    expect(splitter.writeMany(target, 2048, 200, 5)).toBe(140);
    expect(splitter.write(target, 2048 + 5 * 200)).toBe(140);
    expect(splitter.writeMany(target, 2048 + 6 * 200, 200, 7)).toBe(74);

    const segments = segmentsOf(shape, 100);
    for (const [i, segment] of segments.entries()) {
      const at = 2048 + i * 200;
      expect(target.slice(at, at + segment.length)).toEqual(segment);
    }
  });

  test('returns the segment length also for a single segment', () => {
    const source = superPacketOf({ version: 4, protocol: 'udp', payload: payloadOf(5, 1) }, 100);
    const splitter = new SuperPacketSplitter();

    expect(splitter.begin(source, 0, source.length)).toBe(1);
    expect(splitter.segmentLength).toBe(33);
  });

  test('writes nothing after a failure', () => {
    const splitter = new SuperPacketSplitter();
    splitter.begin(new Uint8Array(3), 0, 3);

    expect(splitter.next(slabIn(new Uint8Array(400), 0, 200, 2))).toBe(0);
  });
});

const IP = VNET_HEADER_LENGTH;

function tcp(): Uint8Array {
  return superPacketOf({ version: 4, protocol: 'tcp', payload: payloadOf(300, 1) }, 100);
}

/**
 * Returns the super-packet of `tcp` with other bytes at an offset, which counts from the vnet
 * header.
 */
function at(offset: number, ...bytes: number[]): Uint8Array {
  const source = tcp();
  source.set(bytes, offset);
  return source;
}

function split(source: Uint8Array): Uint8Array[] {
  const stride = source.length + HEADROOM + TAILROOM;
  const capacity = 256;
  const slab = slabIn(new Uint8Array(stride * capacity), 0, stride, capacity);
  const count = splitSuperPacket(source, 0, source.length, slab);
  expect(count).toBeGreaterThan(0);
  return written(slab, count);
}

function written(slab: SegmentSlab, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const at = slab.offset + i * slab.stride + slab.headroom;
    return slab.buffer.slice(at, at + slab.lengths[i]);
  });
}

function slabIn(buffer: Uint8Array, offset: number, stride: number, capacity: number): SegmentSlab {
  const lengths = new Uint16Array(capacity);
  return { buffer, offset, stride, headroom: HEADROOM, tailroom: TAILROOM, capacity, lengths };
}

function emptySlab(): SegmentSlab {
  return slabIn(new Uint8Array(200_000), 0, 1000, 200);
}

function withVnet(packet: Uint8Array): Uint8Array {
  return Uint8Array.of(...new Uint8Array(VNET_HEADER_LENGTH), ...packet);
}
