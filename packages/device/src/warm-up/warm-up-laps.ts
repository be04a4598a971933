/**
 * `warmUpLaps`: the packets of a warm-up, in the form in which the kernel passes them to a TUN.
 *
 * They vary like real traffic, because V8 discards compiled code when a case comes that it has not
 * seen before.
 *
 * @module
 */
import {
  checksum,
  createVnetHeader,
  encodeVnetHeader,
  pseudoHeaderSum,
  VNET_FLAG_NEEDS_CHECKSUM,
  VNET_GSO_TCPV4,
  VNET_HEADER_LENGTH,
} from '@litz/tun/offload';

/**
 * The packets of one lap, with their vnet headers: those that one end sends, and those that the
 * other end sends back.
 */
export type Lap = readonly [forth: readonly Uint8Array[], back: readonly Uint8Array[]];

/** Which of the two ends sends a packet. */
export type From = 0 | 1;

/** The addresses of the two ends, of TEST-NET-1 (RFC 5737). */
export const ADDRESSES: readonly [Uint8Array, Uint8Array] = [
  Uint8Array.of(192, 0, 2, 1),
  Uint8Array.of(192, 0, 2, 2),
];

/** How many laps come first. They are streams, so that V8 knows all cases when it compiles. */
export const FIRST_LAPS = 8;
/** How many laps of small packets follow. After these laps, the code of a ping is compiled. */
export const SMALL_LAPS = 1000;

/**
 * Yields the laps in order: `FIRST_LAPS`, `SMALL_LAPS`, then streams with their acknowledgements.
 * Streams begin with short super-packets, because some code runs once per super-packet, whatever
 * its length.
 *
 * @param tcp whether the TUN has super-packets
 */
export function* warmUpLaps(tcp: boolean): Generator<Lap, void, void> {
  const [short, long] = tcp ? [2, LONG] : [1, 1];
  yield* repeat([...streams(2, short), ...streams(1, long)], FIRST_LAPS);
  yield* repeat([...singles(1), ...singles(SEVERAL)], SMALL_LAPS);
  yield* repeat(streams(2, short), SHORT_LAPS);
  const one = streams(1, long);
  yield* repeat([...one, ...one, ...streams(MORE_THAN_A_BATCH, long)], LONG_LAPS);
}

function* repeat(laps: readonly Lap[], count: number): Generator<Lap, void, void> {
  for (let i = 0; i < count; i++) yield laps[i % laps.length]!;
}

/**
 * Returns a lap for each kind of packet that is never joined: `count` packets, and as many answers.
 */
function singles(count: number): Lap[] {
  return [EXPERIMENT, UDP].map((protocol) => {
    const from = (end: From): Uint8Array[] =>
      Array.from({ length: count }, (_, i) => packet(end, protocol, 64 + i));
    return [from(0), from(1)];
  });
}

/** Returns a stream in each direction: `count` packets of some segments, and acknowledgements. */
function streams(count: number, segments: number): [Lap, Lap] {
  const payloadLength = segments * SEGMENT_LENGTH - SHORTER_END;
  const stream = (from: From): Uint8Array[] =>
    // The sequence numbers have gaps, so that the packets are not joined.
    Array.from({ length: count }, (_, i) => packet(from, TCP, payloadLength, SEQUENCES[i % 2]));
  return [
    [stream(0), [packet(1, TCP, 0)]],
    [[packet(0, TCP, 0)], stream(1)],
  ];
}

/**
 * Returns an IPv4 packet behind its vnet header. A TCP packet has time stamps. If its payload is
 * longer than one segment, it is a super-packet. The checksum field of TCP and UDP holds only the
 * sum of the pseudo-header, as in packets from the kernel. The reader completes the checksum.
 */
function packet(from: From, protocol: number, payloadLength: number, sequence = 0): Uint8Array {
  const { header, checksumAt } = TRANSPORTS[protocol]!;
  const end = TRANSPORT + header.length + payloadLength;
  // Zeros would have sums and products that are smaller than those of real data.
  const bytes = new Uint8Array(end).fill(0xa5, TRANSPORT + header.length);
  bytes.set(IP_HEADER, IP);
  bytes.set(header, TRANSPORT);
  bytes[IP + 9] = protocol;
  bytes.set(ADDRESSES[from], IP + 12);
  bytes.set(ADDRESSES[from === 0 ? 1 : 0], IP + 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(IP + 2, end - IP);
  view.setUint16(IP + 10, checksum(bytes, IP, TRANSPORT - IP));
  if (protocol === TCP) view.setUint32(TRANSPORT + 4, sequence);
  if (protocol === UDP) view.setUint16(TRANSPORT + 4, end - TRANSPORT);
  if (checksumAt === 0) return bytes;
  view.setUint16(TRANSPORT + checksumAt, pseudoHeaderSum(bytes, IP, protocol, end - TRANSPORT));
  const vnet = createVnetHeader();
  vnet.flags = VNET_FLAG_NEEDS_CHECKSUM;
  vnet.checksumStart = TRANSPORT - IP;
  vnet.checksumOffset = checksumAt;
  if (payloadLength > SEGMENT_LENGTH) {
    vnet.gsoType = VNET_GSO_TCPV4;
    vnet.headerLength = TRANSPORT - IP + header.length;
    vnet.gsoSize = SEGMENT_LENGTH;
  }
  encodeVnetHeader(vnet, bytes, 0);
  return bytes;
}

function bytesOf(hex: string): Uint8Array {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

/** Offset of the IP header. */
const IP = VNET_HEADER_LENGTH;
/** Version 4, 20 bytes, not to be fragmented, TTL 64. */
const IP_HEADER: Uint8Array = bytesOf('45000000 00004000 40');
const TRANSPORT: number = IP + 20;
const TCP = 6;
const UDP = 17;
/** A protocol for experiments (RFC 3692): without ports and checksum, like a ping. */
const EXPERIMENT = 253;
/** The transport header of each protocol, and the offset of its checksum; 0: there is none. */
const TRANSPORTS: Readonly<Record<number, { header: Uint8Array; checksumAt: number }>> = {
  // Ports, sequence and acknowledgement numbers; 32 bytes, ACK, window, checksum, urgent pointer;
  // two no-operations, time stamps.
  [TCP]: {
    header: bytesOf('1389138a 00000000 00000000 801001f6 00000000 0101080a 00000000 00000000'),
    checksumAt: 16,
  },
  [UDP]: { header: bytesOf('1389138a 00000000'), checksumAt: 6 },
  [EXPERIMENT]: { header: bytesOf(''), checksumAt: 0 },
};

/**
 * How many packets each end sends in a lap of several small packets. V8 compiles what runs often,
 * so such laps make it compile sooner.
 */
const SEVERAL = 8;
/**
 * How many laps with short super-packets there are. Twice as many laps did not make the first
 * second of a stream faster.
 */
const SHORT_LAPS = 700;
const LONG_LAPS = 50;
/** TCP payload in bytes of a full packet with time stamps, for an MTU of 1420. */
const SEGMENT_LENGTH = 1368;
/** Segments of the longest super-packet (64 KiB) that the kernel makes of a stream. */
const LONG = 47;
/** This many super-packets of `LONG` segments are more than one batch. */
const MORE_THAN_A_BATCH = 3;
/** The last segment of a super-packet is shorter than the others by this many bytes. */
const SHORTER_END = 100;
/** TCP sequence numbers on both sides of 2^31. */
const SEQUENCES: readonly [number, number] = [0xf000_0000, 0x1000_0000];
