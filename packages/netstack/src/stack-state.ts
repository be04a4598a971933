/**
 * `StackState`: the state that the parts of a stack share. There is one object for each stack.
 *
 * @module
 */
import { TokenBucket } from '@litz/core/internals';
import { DropCounters, type DropReason } from './drop-reason.ts';
import type { StackError } from './errors.ts';
import { LocalAddresses } from './ip/local-addresses.ts';
import { PathMtuTable } from './ip/path-mtu.ts';
import { Reassembly } from './ip/reassembly.ts';
import { ChunkPool } from './memory/chunk-pool.ts';
import { PacketRing } from './memory/packet-ring.ts';
import { PortTable } from './port/port-table.ts';
import type { ChangedSocket, MessageReceiver } from './port/receivers.ts';
import { SipHash } from './sip-hash.ts';
import type { CheckedStackOptions } from './stack-options.ts';
import { TcpContext } from './tcp/tcp-context.ts';
import { IpAddress } from './wire/ip-address.ts';
import { IpHeader } from './wire/ip-header.ts';
import { IpPacket } from './wire/ip-packet.ts';
import type { PacketUnderConstruction } from './wire/packet-under-construction.ts';
import { MAX_PACKET_LENGTH } from './wire/protocol.ts';

export class StackState {
  /** The time of the last input, in monotonic milliseconds; 0: there was none. */
  now: number = 0;
  mtu: number;
  /** The largest number of segments of a super-packet. */
  segmentLimit: number = Infinity;
  /** Why the stack was closed; undefined while it is open. */
  failure: StackError | undefined = undefined;
  readonly randomBytes: (out: Uint8Array) => void;
  readonly addresses: LocalAddresses = new LocalAddresses();
  readonly drops: DropCounters = new DropCounters();
  readonly pool: ChunkPool;
  readonly hash: SipHash;
  readonly pathMtus: PathMtuTable = new PathMtuTable(MOST_PATHS);
  readonly reassembly: Reassembly;
  /** Datagrams and control packets that wait to be taken. */
  readonly output: PacketRing;
  /** Limits the ICMP errors that the stack sends. */
  readonly errorLimit: TokenBucket = new TokenBucket(ERRORS_PER_SECOND, ERROR_BURST);
  readonly udp: PortTable<MessageReceiver>;
  readonly echo: PortTable<MessageReceiver>;
  readonly tcp: TcpContext;
  /** Sockets whose state changed, in order. */
  readonly changed: ChangedSocket[] = [];

  /** The packet that is being received. */
  readonly packet: IpPacket = new IpPacket();
  /** The packet that an ICMP error quotes. */
  readonly quoted: IpPacket = new IpPacket();
  /** The header of the packet that is being sent. */
  readonly header: IpHeader = new IpHeader();
  /** The packet between `beginPacket` and `finishPacket`. */
  readonly building: PacketUnderConstruction = {
    buffer: new Uint8Array(0),
    transport: 0,
    length: 0,
  };
  /** A datagram that must be fragmented is built here. */
  readonly scratch: PacketRing = new PacketRing(new Uint8Array(MAX_PACKET_LENGTH));
  /** Counters of identifications (RFC 7739 5.3). Each begins at a random value. */
  readonly identifications: Int32Array = new Int32Array(IDENTIFICATION_COUNTERS);

  constructor(options: CheckedStackOptions) {
    this.mtu = options.mtu;
    this.randomBytes = options.randomBytes;
    for (const address of options.addresses) this.addresses.add(IpAddress.from(address));
    this.pool = new ChunkPool(options.memory);
    this.reassembly = new Reassembly(this.pool, options.memory / 4);
    this.output = new PacketRing(new Uint8Array(options.outputQueue));
    this.hash = new SipHash(options.randomBytes);
    options.randomBytes(new Uint8Array(this.identifications.buffer));
    this.udp = new PortTable<MessageReceiver>(options.randomBytes);
    this.echo = new PortTable<MessageReceiver>(options.randomBytes);
    this.tcp = new TcpContext(this.hash, options.randomBytes);
  }

  /** Counts a dropped packet. */
  drop(reason: DropReason): void {
    this.drops.count(reason);
  }

  /** Puts a socket into the list of changed sockets, once. */
  report(socket: ChangedSocket): void {
    if (socket.isChanged) return;
    socket.isChanged = true;
    this.changed.push(socket);
  }
}

const MOST_PATHS = 1024;
/** RFC 4443 2.4 (f). A tenth of icmp_msgs_per_sec of Linux, and a burst of its icmp_msgs_burst. */
const ERRORS_PER_SECOND = 100;
const ERROR_BURST = 50;
const IDENTIFICATION_COUNTERS = 1024;
