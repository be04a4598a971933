import { describe, expect, test } from 'vitest';
import type { Stack, UdpSocket } from '../../src/index.ts';
import { fragmentsOf } from '../ip/fragments.ts';
import {
  createStack,
  give,
  hasRightSums,
  joined,
  OURS,
  pattern,
  rawIcmp,
  rawPacket,
  rawUdp,
  take,
  THEIRS,
  transportOf,
} from '../raw-packets.ts';

const VERSIONS = [4, 6] as const;
const MAXIMUM = { 4: 65_507, 6: 65_487 } as const;

describe('UdpSocket', () => {
  test.each(VERSIONS)('sends a datagram over IPv%i', (version) => {
    const stack = createStack();
    const socket = stack.openUdp({ port: 5000 });
    expect(socket.sendTo(pattern(101), THEIRS[version], 53, 0xb8)).toBe(true);
    const [packet, ...others] = take(stack);

    expect(others).toEqual([]);
    expect(hasRightSums(packet)).toBe(true);
    const [source, destination] = [THEIRS[version], OURS[version]];
    const expected = rawUdp(version, 53, pattern(101), {
      source: destination,
      destination: source,
      trafficClass: 0xb8,
      fragment: 0x4000,
    });
    expect(transportOf(packet).subarray(8)).toEqual(transportOf(expected).subarray(8));
    expect([...transportOf(packet).subarray(0, 6)]).toEqual([0x13, 0x88, 0, 53, 0, 109]);
    const header = packet.length - 109;
    expect(packet.subarray(0, header)).toEqual(expected.subarray(0, header));
  });

  test('never sends the checksum zero, which means that there is none', () => {
    const stack = createStack();
    const socket = stack.openUdp({ port: 5000 });
    socket.sendTo(Uint8Array.of(0, 0), THEIRS[6], 53);
    const [packet] = take(stack);
    const sum = transportOf(packet).slice(6, 8);
    // With these two bytes as data, the checksum would be zero.
    socket.sendTo(sum, THEIRS[6], 53);
    const [second] = take(stack);
    expect([...transportOf(second).subarray(6, 8)]).toEqual([0xff, 0xff]);
    expect(hasRightSums(second)).toBe(true);
  });

  test.each(VERSIONS)('sends a long datagram over IPv%i in fragments', (version) => {
    const [a, b] = [createStack(), createStack({ addresses: [THEIRS[version]] })];
    const receiver = b.openUdp({ port: 53 });
    for (const length of [1400, 4000, MAXIMUM[version]]) {
      expect(a.openUdp().sendTo(pattern(length), THEIRS[version], 53)).toBe(true);
      const packets = take(a);
      expect(packets.every((packet) => packet.length <= 1420)).toBe(true);
      for (const packet of packets.toReversed()) give(b, packet);
      expect(received(receiver)).toEqual([pattern(length)]);
    }
    expect(b.drops.toJSON()).toEqual({});
  });

  test.each(VERSIONS)('uses another identification for each IPv%i datagram', (version) => {
    const stack = createStack();
    const socket = stack.openUdp();
    for (let i = 0; i < 3; i++) socket.sendTo(pattern(1500), THEIRS[version], 53);
    const field = version === 4 ? 4 : 44;
    const ids = take(stack).map((packet) => [...packet.subarray(field, field + 4)].join('.'));
    const values = version === 4 ? ids.map((id) => id.split('.', 2).join('.')) : ids;
    expect(new Set(values).size).toBe(3);
  });

  test('sends nothing of a datagram if the output queue cannot hold all its fragments', () => {
    const stack = createStack({ outputQueue: 65_536 });
    const socket = stack.openUdp();
    expect(socket.sendTo(pattern(40_000), THEIRS[4], 53)).toBe(true);
    expect(socket.sendTo(pattern(40_000), THEIRS[4], 53)).toBe(false);
    expect(stack.drops.toJSON()).toEqual({ 'full-output-queue': 1 });
    expect(take(stack).length).toBe(29);
    expect(socket.sendTo(pattern(1000), THEIRS[4], 53)).toBe(true);
    expect(take(stack).length).toBe(1);
  });

  test.each(VERSIONS)('receives a datagram and its origin over IPv%i', (version) => {
    const stack = createStack();
    const socket = stack.openUdp({ port: 53 });
    give(stack, rawUdp(version, 53, pattern(20), { trafficClass: 0xba, hopLimit: 7 }));
    give(stack, rawUdp(version, 53, new Uint8Array(0)));

    expect([stack.pollSocket(), stack.pollSocket()]).toEqual([socket, undefined]);
    const target = new Uint8Array(30);
    expect(socket.receive(target, 5)).toBe(20);
    expect(target.subarray(5, 25)).toEqual(pattern(20));
    expect(socket.origin).toMatchObject({ port: 9, trafficClass: 0xba, hopLimit: 7, length: 20 });
    expect(socket.origin.address.toString()).toBe(THEIRS[version]);
    expect(socket.origin.localAddress.toString()).toBe(OURS[version]);
    expect([socket.isReadable, socket.receive(target), socket.receive(target)]).toEqual([
      true,
      0,
      -1,
    ]);
  });

  test('loses bytes that do not fit, but reports the whole length in `origin`', () => {
    const stack = createStack();
    const socket = stack.openUdp({ port: 53 });
    give(stack, rawUdp(4, 53, pattern(20)));
    give(stack, rawUdp(4, 53, pattern(4, 9)));

    expect(socket.receive(new Uint8Array(8))).toBe(8);
    expect(socket.origin.length).toBe(20);
    expect(received(socket)).toEqual([pattern(4, 9)]);
  });

  test.each<[what: string, packet: Uint8Array, reason: string]>([
    [
      'a header that is cut',
      rawPacket({ version: 4, protocol: 17, payload: pattern(7) }),
      'malformed-udp',
    ],
    ['a length of 7', withBytes(rawUdp(4, 53, pattern(8)), 24, [0, 7]), 'malformed-udp'],
    [
      'a length longer than the packet',
      withBytes(rawUdp(4, 53, pattern(8)), 24, [0, 17]),
      'malformed-udp',
    ],
    ['a wrong checksum', withBytes(rawUdp(4, 53, pattern(8)), 28, [9]), 'bad-udp-checksum'],
    ['no checksum over IPv6', withBytes(rawUdp(6, 53, pattern(8)), 46, [0, 0]), 'bad-udp-checksum'],
    ['a port without a socket', rawUdp(4, 54, pattern(8)), 'closed-udp-port'],
  ])('drops %s', (_, packet, reason) => {
    const stack = createStack();
    stack.openUdp({ port: 53 });
    give(stack, packet);
    expect(stack.drops.toJSON()).toEqual({ [reason]: 1 });
    expect(stack.pollSocket()).toBeUndefined();
  });

  test('accepts an IPv4 datagram without a checksum, and bytes after the datagram', () => {
    const stack = createStack();
    const socket = stack.openUdp({ port: 53 });
    give(stack, withBytes(rawUdp(4, 53, pattern(8)), 26, [0, 0]));
    const datagram = transportOf(rawUdp(4, 53, pattern(8, 2)));
    give(stack, rawPacket({ version: 4, protocol: 17, payload: joined(datagram, pattern(5)) }));
    expect(received(socket)).toEqual([pattern(8), pattern(8, 2)]);
  });

  test('drops datagrams when its queue is full', () => {
    const stack = createStack();
    const socket = stack.openUdp({ port: 53, receiveQueue: 1000 });
    for (let i = 0; i < 20; i++) give(stack, rawUdp(4, 53, pattern(100, i)));
    expect(received(socket)).toEqual([0, 1, 2, 3, 4, 5].map((i) => pattern(100, i)));
    for (let i = 0; i < 20; i++) give(stack, rawUdp(4, 53, new Uint8Array(0)));
    expect(received(socket).length).toBe(15);
    expect(stack.drops.of('full-receive-queue')).toBe(14 + 5);
  });

  test('keeps the order of datagrams of any length while its queue fills again and again', () => {
    const stack = createStack();
    const socket = stack.openUdp({ port: 53 });
    for (let round = 0; round < 50; round++) {
      const sent = Array.from({ length: (round % 11) + 1 }, (_, i) =>
        pattern((round * i * 37) % 1300, i),
      );
      for (const data of sent) give(stack, rawUdp(4, 53, data));
      expect(received(socket)).toEqual(sent);
    }
  });

  test('receives a datagram in fragments', () => {
    const stack = createStack();
    const socket = stack.openUdp({ port: 53 });
    for (const version of VERSIONS) {
      const payload = transportOf(rawUdp(version, 53, pattern(5000)));
      const fragments = fragmentsOf({ version, protocol: 17, payload }, 7, 1280);
      for (const fragment of fragments) give(stack, fragment);
    }
    expect(received(socket)).toEqual([pattern(5000), pattern(5000)]);
  });

  test('gets the datagrams to its address although another socket is bound to all addresses', () => {
    const stack = createStack({ addresses: ['10.0.0.1', '10.0.0.5'] });
    const [all, one] = [
      stack.openUdp({ port: 53 }),
      stack.openUdp({ port: 53, address: '10.0.0.5' }),
    ];
    give(stack, rawUdp(4, 53, pattern(1)));
    give(stack, rawUdp(4, 53, pattern(2), { destination: '10.0.0.5' }));
    expect([received(all), received(one)]).toEqual([[pattern(1)], [pattern(2)]]);
    one.sendTo(pattern(1), THEIRS[4], 1);
    expect([...take(stack)[0].subarray(12, 16)]).toEqual([10, 0, 0, 5]);
    expect(() => one.sendTo(pattern(1), THEIRS[6], 1)).toThrow(/EHOSTUNREACH.*fd00::2/);
  });

  test('receives only from the address that it is connected to', () => {
    const stack = createStack();
    const socket = stack.openUdp({ port: 53 });
    socket.connect(THEIRS[4], 9);
    give(stack, rawUdp(4, 53, pattern(1)));
    give(stack, rawUdp(4, 53, pattern(2), { source: '10.0.0.3' }));
    expect(received(socket)).toEqual([pattern(1)]);
    socket.send(pattern(3));
    const packets = take(stack);
    expect([...transportOf(packets.at(-1)!).subarray(0, 4)]).toEqual([0, 53, 0, 9]);
  });

  test.each(VERSIONS)('reports a closed port if it is connected (IPv%i)', (version) => {
    const [a, b] = [createStack(), createStack({ addresses: [THEIRS[version]] })];
    const socket = a.openUdp();
    socket.connect(THEIRS[version], 53);
    socket.send(pattern(10));
    for (const packet of take(a)) give(b, packet);
    for (const packet of take(b)) give(a, packet);

    expect(a.pollSocket()).toBe(socket);
    expect(socket.takeError()).toMatchObject({
      code: 'ECONNREFUSED',
      message: `ECONNREFUSED: ${THEIRS[version]}: port unreachable`,
    });
    expect(socket.takeError()).toBeUndefined();
  });

  test('refuses what cannot be sent', () => {
    const stack = createStack();
    const socket = stack.openUdp({ port: 53 });
    expect(() => socket.send(pattern(1))).toThrow(/ENOTCONN/);
    expect(() => socket.sendTo(pattern(MAXIMUM[4] + 1), THEIRS[4], 1)).toThrow(/EMSGSIZE/);
    expect(() => socket.sendTo(pattern(MAXIMUM[6] + 1), THEIRS[6], 1)).toThrow(/EMSGSIZE/);
    expect(() => socket.sendTo(pattern(1), '255.255.255.255', 1)).toThrow(/EHOSTUNREACH/);
    expect(() => socket.sendTo(pattern(1), THEIRS[4], 0)).toThrow(/"port"/);
    expect(() => socket.sendTo('text' as never, THEIRS[4], 1)).toThrow(/"data"/);
    expect(() => stack.openUdp({ port: 53 })).toThrow(/EADDRINUSE.*53/);
    expect(() => stack.openUdp({ address: '10.9.9.9' })).toThrow(/EADDRNOTAVAIL.*10.9.9.9/);
    socket.close();
    expect(() => socket.sendTo(pattern(1), THEIRS[4], 1)).toThrow(/EPIPE/);
    expect(stack.openUdp({ port: 53 }).localPort).toBe(53);
  });

  test('believes a "too big" message only if it quotes a packet that the socket could have sent', () => {
    const stack = createStack();
    const socket = stack.openUdp({ port: 5000 });
    socket.sendTo(pattern(1300), THEIRS[4], 53);
    const [sent] = take(stack);
    const forged = sent.slice();
    forged[21] ^= 1;
    give(stack, rawIcmp(4, [3, 4, 0, 0, 0, 0, 2, 88, ...forged.subarray(0, 28)]));
    expect(sizes(stack, socket)).toEqual([1028]);
    give(stack, rawIcmp(4, [3, 4, 0, 0, 0, 0, 2, 88, ...sent.subarray(0, 28)]));
    expect(sizes(stack, socket)).toEqual([596, 452]);
    expect(stack.drops.toJSON()).toEqual({ 'unexpected-icmp': 1 });
  });
});

function received(socket: UdpSocket): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  const target = new Uint8Array(66_000);
  for (;;) {
    const length = socket.receive(target);
    if (length === -1) return datagrams;
    datagrams.push(target.slice(0, length));
  }
}

/** The lengths of the packets in which 1000 bytes are sent. */
function sizes(stack: Stack, socket: UdpSocket): number[] {
  socket.sendTo(pattern(1000), THEIRS[4], 53);
  return take(stack).map(({ length }) => length);
}

function withBytes(packet: Uint8Array, offset: number, bytes: number[]): Uint8Array {
  const copy = packet.slice();
  copy.set(bytes, offset);
  return copy;
}
