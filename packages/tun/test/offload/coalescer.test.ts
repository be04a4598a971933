import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Coalescer,
  createVnetHeader,
  decodeVnetHeader,
  SuperPacketSplitter,
  VNET_HEADER_LENGTH,
  type CoalescerOptions,
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

const tcp: PacketShape = { version: 4, protocol: 'tcp', payload: payloadOf(100, 1) };
const udp: PacketShape = { version: 4, protocol: 'udp', payload: payloadOf(100, 1) };

/** Consecutive TCP segments with these payload lengths. */
function stream(lengths: number[], shape: Partial<PacketShape> = {}): Uint8Array[] {
  let sequence = shape.sequence ?? 1000;
  return lengths.map((length, i) => {
    const payload = payloadOf(length, sequence);
    const packet = packetOf({ ...tcp, identification: i, ...shape, payload, sequence });
    sequence = (sequence + length) % 2 ** 32;
    return packet;
  });
}

/** UDP datagrams of one flow with these payload lengths. */
function datagrams(lengths: number[], shape: Partial<PacketShape> = {}): Uint8Array[] {
  return lengths.map((length, i) =>
    packetOf({ ...udp, identification: i, ...shape, payload: payloadOf(length, i + 1) }),
  );
}

describe('Coalescer', () => {
  test.each([
    [4, 'tcp'],
    [6, 'tcp'],
    [4, 'udp'],
    [6, 'udp'],
  ] as const)('makes a super-packet in the form of the kernel (IPv%i %s)', (version, protocol) => {
    const shape = { version, protocol, payload: payloadOf(950, 1), sequence: 2 ** 32 - 5 };

    const outputs = coalesce(segmentsOf(shape, 100));

    expect(outputs).toEqual([superPacketOf(shape, 100)]);
  });

  test(
    'joins the segments of a super-packet to the same super-packet, for any headers',
    () => {
      fc.assert(
        fc.property(arbitraryShape(9000), fc.integer({ min: 200, max: 2000 }), (shape, gsoSize) => {
          // Segments with FIN are never joined, and a single segment has no other to be joined to.
          fc.pre(((shape.flags ?? 0) & FIN) === 0 && shape.payload.length > gsoSize);
          expect(coalesce(segmentsOf(shape, gsoSize))).toEqual([superPacketOf(shape, gsoSize)]);
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test(
    'gives back the same packets when its output is split, and the datagrams of a flow in order',
    () => {
      fc.assert(
        fc.property(fc.array(arbitraryStep(), { maxLength: 60, size: 'max' }), (steps) => {
          const packets = packetsOfSteps(steps);
          const outputs = coalesce(packets, { capacity: 32 });
          const after = outputs.flatMap((output) => splitAgain(output));
          expect(sorted(after)).toEqual(sorted(packets));
          expect(after.filter(isUdp).map(flowAndBytes)).toEqual(
            outputsInFlowOrder(packets.filter(isUdp), after.filter(isUdp)),
          );
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test('writes super-packets and single packets in the order of their first packets', () => {
    const [a1, a2, a3] = stream([100, 100, 100], { source: 1 });
    const [b1, b2] = stream([50, 50], { source: 2 });
    const other = packetOf({ ...tcp, flags: 0x02, source: 9, payload: new Uint8Array(0) });

    const outputs = coalesce([a1, b1, a2, other, b2, a3]);

    expect(outputs.map((output) => [output[VNET_HEADER_LENGTH + 15], output.length])).toEqual([
      [1, VNET_HEADER_LENGTH + 40 + 300],
      [2, VNET_HEADER_LENGTH + 40 + 100],
      [9, VNET_HEADER_LENGTH + 40],
    ]);
  });

  test('clears the vnet header of a single packet, even if its checksum is wrong', () => {
    const [first, second] = stream([100, 100]);
    second[50] ^= 1;

    for (const output of coalesce([first, second])) {
      expect([...output.subarray(0, VNET_HEADER_LENGTH)]).toEqual(Array(10).fill(0));
    }
  });

  test('joins a late packet in front of the packets that should follow it', () => {
    const [first, second, third] = stream([100, 100, 60]);

    expect(coalesce([second, third, first])).toEqual([superOf([first, second, third], 100)]);
  });

  test('joins a longer packet in front of a single shorter one', () => {
    const [first, second] = stream([100, 60]);

    expect(coalesce([second, first])).toEqual([superOf([first, second], 100)]);
  });

  test.each([
    ['PSH inside', () => withFlags(stream([100, 100]), 0, ACK | PSH)],
    ['a longer packet after', () => stream([100, 101])],
    ['a gap', () => stream([100, 100, 100]).filter((_, i) => i !== 1)],
    ['a duplicate', () => [0, 0].map(() => stream([100])[0])],
    ['a FIN', () => withFlags(stream([100, 100]), 1, ACK | FIN)],
    ['an URG', () => withFlags(stream([100, 100]), 1, ACK | 0x20)],
    ['an ECE', () => withFlags(stream([100, 100]), 0, ACK | 0x40)],
    ['no payload', () => [...stream([100]), ...stream([0], { sequence: 1100 })]],
    ['another acknowledgement', () => second({ acknowledgement: 8 })],
    ['another window', () => second({ window: 501 })],
    ['another destination', () => second({ destination: 3 })],
    ['another port', () => second({ sourcePort: 1001 })],
    ['other options', () => second({ options: new Uint8Array(4) })],
    ['another TTL', () => second({ hopLimit: 63 })],
    ['another TOS', () => second({ trafficClass: 4 })],
    ['another DF', () => second({ mayNotFragment: false })],
    ['a wrong checksum after', () => corrupt(stream([100, 100]), 1, 45)],
    ['a wrong checksum before', () => corrupt(stream([100, 100]), 0, 45)],
    ['a wrong IPv4 checksum', () => corrupt(stream([100, 100]), 1, 10)],
    ['IPv4 options', () => corrupt(stream([100, 100]), 1, 0)],
    ['a fragment', () => corrupt(stream([100, 100]), 1, 7)],
    ['a wrong total length', () => corrupt(stream([100, 100]), 1, 3)],
    ['a short data offset', () => corrupt(stream([100, 100]), 1, 32)],
    ['equal identifications that may be used for fragments', () => stream([9, 9], fixedId)],
  ])('does not join TCP packets with %s', (_, packets) => {
    expect(coalesce(packets())).toEqual(packets().map((packet) => alone(packet)));
  });

  test.each([
    ['another flow label', { flowLabel: 1 }],
    ['another traffic class', { trafficClass: 16 }],
    ['another hop limit', { hopLimit: 1 }],
  ])('does not join IPv6 packets with %s', (_, change) => {
    const packets = [
      ...stream([100], { version: 6 }),
      ...stream([100], { version: 6, sequence: 1100, ...change }),
    ];

    expect(coalesce(packets)).toEqual(packets.map((packet) => alone(packet)));
  });

  test('joins IPv4 packets that may be fragmented if their identifications are consecutive', () => {
    const packets = [0xfffe, 0xffff, 0].flatMap((identification, i) =>
      stream([100], { sequence: i * 100, identification, mayNotFragment: false }),
    );

    expect(coalesce(packets)).toHaveLength(1);
    expect(coalesce([packets[1], packets[2], packets[0]])).toHaveLength(1);
    expect(coalesce([packets[0], packets[2], packets[1]])).toHaveLength(2);
  });

  test('joins the packets that follow a packet with a wrong checksum', () => {
    const packets = corrupt(stream([100, 100, 100, 100]), 1, 45);

    const outputs = coalesce(packets);

    expect(outputs).toEqual([
      alone(packets[0]),
      alone(packets[1]),
      superOf([packets[2], packets[3]], 100),
    ]);
  });

  test('trusts transport checksums if requested, but not the checksum of the IPv4 header', () => {
    const wrong = corrupt(stream([100, 100]), 1, 45);
    const wrongIp = corrupt(stream([100, 100]), 1, 10);

    expect(coalesce(wrong, { verifyChecksums: false })).toHaveLength(1);
    expect(coalesce(wrongIp, { verifyChecksums: false })).toHaveLength(2);
  });

  test.each([
    ['a packet that is not joined', stream([100])],
    ['a packet between joined packets', stream([100, 50, 100])],
    ['an acknowledgement', [packetOf({ ...tcp, payload: payloadOf(0, 1) })]],
    ['a datagram over IPv6', datagrams([100], { version: 6 })],
  ])('makes the kernel trust a checksum if the caller trusts it, for %s', (_, packets) => {
    const outputs = coalesce(packets, { verifyChecksums: false });

    expect(outputs.map(([flags]) => flags)).toEqual(outputs.map(() => 1));
    expect(coalesce(packets).at(-1)?.[0]).toBe(0);
  });

  test('makes the kernel trust the checksums even after it refused the super-packet', () => {
    const outputs = coalesce(stream([100, 100]), { verifyChecksums: false }, (n) => n === 1);

    expect(outputs.map(([flags]) => flags)).toEqual([1, 1, 1]);
  });

  test('joins no IPv6 datagrams without a checksum, even if checksums are trusted', () => {
    const packets = datagrams([100, 100], { version: 6, withoutChecksum: true });

    expect(coalesce(packets, { verifyChecksums: false })).toEqual(packets.map(alone));
  });

  test('never makes a packet of more than 65535 bytes', () => {
    const outputs = coalesce(stream(Array(100).fill(1400), { version: 6 }));

    expect(outputs.map(({ length }) => length)).toEqual([
      VNET_HEADER_LENGTH + 60 + 46 * 1400,
      VNET_HEADER_LENGTH + 60 + 46 * 1400,
      VNET_HEADER_LENGTH + 60 + 8 * 1400,
    ]);
  });

  test('joins at most 64 datagrams', () => {
    const outputs = coalesce(datagrams(Array(130).fill(10)));

    expect(outputs.map(packetCount)).toEqual([64, 64, 2]);
  });

  test.each([
    ['a longer one after', [100, 101], [1, 1]],
    ['a shorter one in between', [100, 60, 100, 100], [2, 2]],
    ['an empty one in between', [100, 0, 100, 100], [1, 1, 2]],
  ])('never reorders datagrams: %s', (_, lengths, counts) => {
    const packets = datagrams(lengths);

    const outputs = coalesce(packets);

    expect(outputs.map(packetCount)).toEqual(counts);
    expect(outputs.flatMap(splitAgain)).toEqual(packets);
  });

  test.each([
    ['a wrong checksum', (packet: Uint8Array) => (packet[40] ^= 1)],
    ['a wrong UDP length', (packet: Uint8Array) => (packet[25] ^= 1)],
    ['another TTL', (packet: Uint8Array) => (packet[8] = 3)],
  ])('does not join datagrams across a datagram with %s', (_, spoil) => {
    const packets = datagrams([100, 100, 100, 100]);
    spoil(packets[1]);

    expect(coalesce(packets).map(packetCount)).toEqual([1, 1, 2]);
  });

  test('joins IPv4 datagrams without a checksum with each other', () => {
    const without = datagrams([100, 100], { withoutChecksum: true });
    const [, with_] = datagrams([100, 100]);

    expect(coalesce(without).map(packetCount)).toEqual([2]);
    expect(coalesce([without[0], with_]).map(packetCount)).toEqual([1, 1]);
  });

  test('does not join an IPv6 datagram without a checksum', () => {
    const packets = datagrams([100, 100], { version: 6, withoutChecksum: true });

    expect(coalesce(packets).map(packetCount)).toEqual([1, 1]);
  });

  test.each(['tcp', 'udp'] as const)('can be switched off for %s only', (protocol) => {
    const packets = [...stream([100, 100]), ...datagrams([100, 100])];
    const { coalescer, outputs, add } = coalescerFor({});
    coalescer[protocol] = false;

    for (const packet of packets) add(packet);
    coalescer.flush();

    expect(outputs.map(packetCount)).toEqual(protocol === 'tcp' ? [1, 1, 2] : [2, 1, 1]);
  });

  test('writes packets one by one if their super-packet is refused', () => {
    const packets = stream([100, 100, 60]);

    const outputs = coalesce(packets, {}, (count) => count === 1);

    expect(outputs.slice(1)).toEqual(packets.map((packet) => alone(packet)));
  });

  test('writes the earlier packets when it is full and one more comes', () => {
    const { coalescer, outputs, add } = coalescerFor({ capacity: 3 });

    for (const packet of stream([100, 100, 100, 100])) add(packet);

    expect(outputs.map(packetCount)).toEqual([3]);
    coalescer.flush();
    expect(outputs.map(packetCount)).toEqual([3, 1]);
  });

  test('keeps nothing of the previous batch', () => {
    const { coalescer, outputs, add } = coalescerFor({});

    for (const packet of stream([100, 100, 100])) {
      add(packet);
      coalescer.flush();
    }
    coalescer.flush();

    expect(outputs.map(packetCount)).toEqual([1, 1, 1]);
  });

  test(
    'never throws for random packets, each added twice, and writes at least half of them',
    () => {
      const mutated = fc
        .tuple(arbitraryShape(200), fc.array(fc.tuple(fc.nat(70), fc.nat(255)), { maxLength: 3 }))
        .map(([shape, mutations]) => {
          const packet = packetOf(shape);
          for (const [at, value] of mutations) if (at < packet.length) packet[at] = value;
          return packet;
        });
      const anything = fc.oneof(fc.uint8Array({ maxLength: 90, size: 'max' }), mutated);
      fc.assert(
        fc.property(fc.array(anything, { maxLength: 12, size: 'max' }), (packets) => {
          const twice = packets.flatMap((packet) => [packet, packet]);
          const bytes = coalesce(twice, {}, () => false).map((output) => output.length);
          expect(bytes.length).toBeGreaterThanOrEqual(packets.length);
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  test('refuses a packet without space for the vnet header, or beyond the buffer', () => {
    const buffer = new Uint8Array(300);

    expect(() => new Coalescer({ buffer, write }).add(9, 20)).toThrow(RangeError);
    expect(() => new Coalescer({ buffer, write }).add(20, 281)).toThrow(RangeError);
    expect(() => new Coalescer({ buffer, write }).add(20, 280)).not.toThrow();
  });
});

interface Step {
  flow: number;
  protocol: 'tcp' | 'udp';
  length: number;
  /** Whether the packet is put in front of the packet that was added last. */
  isLate: boolean;
  push: boolean;
  isSpoilt: boolean;
}

function arbitraryStep(): fc.Arbitrary<Step> {
  return fc.record({
    flow: fc.nat(2),
    protocol: fc.constantFrom('tcp', 'tcp', 'udp'),
    length: fc.constantFrom(200, 200, 200, 120, 300, 1),
    isLate: fc.boolean(),
    push: fc.constantFrom(false, false, true),
    isSpoilt: fc.constantFrom(false, false, false, false, true),
  });
}

/** A few flows with packets of various sizes, partly out of order, some of them damaged. */
function packetsOfSteps(steps: Step[]): Uint8Array[] {
  const sequences = [2 ** 32 - 700, 5, 9];
  const identifications = [0xfffe, 3, 60, 70, 80, 90];
  const packets: Uint8Array[] = [];
  steps.forEach(({ flow, protocol, length, isLate, push, isSpoilt }, i) => {
    const sequence = sequences[flow];
    const line = flow + (protocol === 'udp' ? 3 : 0);
    const identification = identifications[line]++ % 2 ** 16;
    if (protocol === 'tcp') sequences[flow] = (sequence + length) % 2 ** 32;
    const packet = packetOf({
      version: flow === 1 ? 6 : 4,
      protocol,
      source: flow,
      payload: payloadOf(length, i),
      flags: push ? ACK | PSH : ACK,
      sequence,
      identification,
      mayNotFragment: false,
    });
    if (isSpoilt) packet[packet.length - 1] ^= 0xff;
    packets.splice(isLate && i > 0 ? packets.length - 1 : packets.length, 0, packet);
  });
  return packets;
}

/**
 * Returns what `after` should be: each flow has its own packets in the order in which they were
 * sent.
 */
function outputsInFlowOrder(before: Uint8Array[], after: Uint8Array[]): string[] {
  const queues = new Map<string, string[]>();
  for (const packet of before) {
    const flow = flowOf(packet);
    queues.set(flow, [...(queues.get(flow) ?? []), flowAndBytes(packet)]);
  }
  return after.map((packet) => queues.get(flowOf(packet))?.shift() ?? 'one too many');
}

function flowOf(packet: Uint8Array): string {
  return packet[0] >>> 4 === 6 ? `6 ${packet[10]}` : `4 ${packet[15]}`;
}

function flowAndBytes(packet: Uint8Array): string {
  return `${flowOf(packet)} ${Buffer.from(packet).toString('hex')}`;
}

function isUdp(packet: Uint8Array): boolean {
  return packet[packet[0] >>> 4 === 6 ? 6 : 9] === 17;
}

function sorted(packets: Uint8Array[]): string[] {
  return packets.map((packet) => Buffer.from(packet).toString('hex')).sort();
}

const fixedId: Partial<PacketShape> = { mayNotFragment: false, identification: 5 };

function write(): boolean {
  return true;
}

function second(change: Partial<PacketShape>): Uint8Array[] {
  return [...stream([100]), ...stream([100], { sequence: 1100, ...change })];
}

function withFlags(packets: Uint8Array[], index: number, flags: number): Uint8Array[] {
  const sequence = 1000 + index * 100;
  return packets.map((packet, i) =>
    i === index ? stream([100], { sequence, flags, identification: i })[0] : packet,
  );
}

function corrupt(packets: Uint8Array[], index: number, offset: number): Uint8Array[] {
  packets[index][offset] ^= offset === 32 ? 0x70 : 0x01;
  return packets;
}

function alone(packet: Uint8Array): Uint8Array {
  return Uint8Array.of(...new Uint8Array(VNET_HEADER_LENGTH), ...packet);
}

/** Returns the super-packet of consecutive IPv4 TCP segments without options. */
function superOf(packets: Uint8Array[], gsoSize: number): Uint8Array {
  const payload = Buffer.concat(packets.map((packet) => packet.subarray(40)));
  const view = new DataView(packets[0].buffer);
  const [identification, sequence] = [view.getUint16(4), view.getUint32(24)];
  return superPacketOf({ ...tcp, payload, identification, sequence }, gsoSize);
}

function packetCount(output: Uint8Array): number {
  return splitAgain(output).length;
}

function splitAgain(output: Uint8Array): Uint8Array[] {
  const splitter = new SuperPacketSplitter();
  const count = splitter.begin(output, 0, output.length);
  if (count <= 1) return [output.slice(VNET_HEADER_LENGTH)];
  const vnet = createVnetHeader();
  decodeVnetHeader(output, 0, vnet);
  const stride = splitter.segmentLength;
  const lengths = new Uint32Array(count);
  const buffer = new Uint8Array(stride * count);
  const slab = { buffer, offset: 0, stride, headroom: 0, tailroom: 0, capacity: count, lengths };
  expect(splitter.next(slab)).toBe(count);
  const packets = [...lengths].map((length, i) => buffer.slice(i * stride, i * stride + length));
  for (const packet of packets) expect(hasRightSums(packet)).toBe(true);
  return packets;
}

function coalesce(
  packets: Uint8Array[],
  options: Partial<CoalescerOptions> = {},
  accept?: (packets: number) => boolean,
): Uint8Array[] {
  const { coalescer, outputs, add } = coalescerFor(options, accept);
  for (const packet of packets) add(packet);
  coalescer.flush();
  return outputs;
}

/**
 * Makes a coalescer. `add` puts each packet behind the last one in the buffer, with other bytes
 * between them.
 */
function coalescerFor(
  options: Partial<CoalescerOptions>,
  accept: (packets: number) => boolean = () => true,
): { coalescer: Coalescer; outputs: Uint8Array[]; add: (packet: Uint8Array) => void } {
  const outputs: Uint8Array[] = [];
  const buffer = new Uint8Array(300_000).fill(0xee);
  const coalescer = new Coalescer({
    buffer,
    capacity: 256,
    write: ({ offsets, lengths }, count, packets) => {
      const pieces = Array.from({ length: count }, (_, i) =>
        buffer.subarray(offsets[i], offsets[i] + lengths[i]),
      );
      outputs.push(Uint8Array.from(Buffer.concat(pieces)));
      return accept(packets);
    },
    ...options,
  });
  let at = 0;
  const add = (packet: Uint8Array): void => {
    at += 16;
    buffer.set(packet, at);
    coalescer.add(at, packet.length);
    at += packet.length;
  };
  return { coalescer, outputs, add };
}
