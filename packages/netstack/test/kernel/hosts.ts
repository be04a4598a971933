/**
 * `Host`: a host at one end of a path. `KernelHost` is the kernel of Linux in a namespace of its
 * own, behind a TUN device. `StackHost` is a stack of ours.
 *
 * @module
 */
import { NetworkNamespace, writeSysctl } from '@litz/sys';
import { openTun, VNET_HEADER_LENGTH, type TunDevice } from '@litz/tun';
import { clearVnetHeader, decodeVnetHeader, encodeVnetHeader } from '@litz/tun/offload';
import { seededRandomBytes } from '@litz/testkit';
import {
  createPacketOffload,
  Stack,
  type ConnectOptions,
  type ListenOptions,
  type StackOptions,
  type TcpListener,
} from '../../src/index.ts';
import { KernelListener, KernelStream, type SocketOption } from './kernel-socket.ts';
import { Joiner, splitPackets } from './packets.ts';
import { StackStream, type Stream } from './stream.ts';

export interface Host {
  readonly addresses: Record<4 | 6, string>;
  /**
   * Returns the packets that the host sends now, as they are on the wire. It takes at most 64
   * packets or super-packets from the host.
   */
  take(now: number): Uint8Array[];
  /** Gives the host the packets that arrive now. */
  give(packets: readonly Uint8Array[], now: number): void;
  /** When `take` must be called at the latest. */
  readonly deadline: number;
  connect(address: string, port: number): Stream;
  /** Returns a function that accepts the next connection. */
  listen(port: number): () => Stream | undefined;
  close(): void;
}

export interface HostOptions {
  /** 1 or 2: the last number of its addresses. */
  number: 1 | 2;
  mtu?: number;
  /** Whether it sends and takes super-packets. */
  offload?: boolean;
}

export interface KernelHostOptions extends HostOptions {
  sysctls?: Readonly<Record<string, string | number>>;
  /** Options of its sockets. */
  sockets?: readonly SocketOption[];
}

export class KernelHost implements Host {
  readonly addresses: Record<4 | 6, string>;
  readonly namespace: NetworkNamespace;
  readonly tun: TunDevice;
  /** The kernel has timers of its own. */
  readonly deadline: number = Infinity;
  readonly #sockets: readonly SocketOption[];
  readonly #joiner: Joiner | undefined;
  readonly #source = new Uint8Array(new ArrayBuffer(VNET_HEADER_LENGTH + 66_000));
  readonly #open: { close(): void }[] = [];

  constructor(options: KernelHostOptions) {
    const { number, mtu = 1420, offload = false, sysctls = {}, sockets = [] } = options;
    this.#sockets = sockets;
    this.addresses = addressesOf(number);
    this.namespace = NetworkNamespace.create();
    this.tun = this.namespace.run(() => {
      writeSysctl('net.ipv6.conf.default.addr_gen_mode', 1);
      for (const [name, value] of Object.entries({ ...SYSCTLS, ...sysctls })) {
        writeSysctl(name, value);
      }
      return openTun({ name: 'tun%d', mtu, offload: offload ? { udp: false } : false });
    });
    const address = Uint8Array.of(10, 0, 0, number);
    this.tun.addAddress({ address, prefixLength: 24 });
    const address6 = new Uint8Array(16);
    [address6[0], address6[15]] = [0xfd, number];
    this.tun.addAddress({ address: address6, prefixLength: 64 }, { noDad: true });
    this.tun.up();
    const write = (bytes: Uint8Array, length: number): void => this.#write(bytes, length);
    if (offload) this.#joiner = new Joiner(write);
  }

  take(): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (let count = 0; count < MOST_READS; count++) {
      const length = this.tun.read(this.#source, 0, this.#source.length);
      if (length <= 0) break;
      packets.push(...splitPackets(this.#source, length));
    }
    return packets;
  }

  give(packets: readonly Uint8Array[]): void {
    for (const packet of packets) {
      if (this.#joiner) this.#joiner.add(packet);
      else {
        clearVnetHeader(this.#source, 0);
        this.#source.set(packet, VNET_HEADER_LENGTH);
        this.#write(this.#source, VNET_HEADER_LENGTH + packet.length);
      }
    }
    this.#joiner?.flush();
  }

  connect(address: string, port: number, localPort = 0): KernelStream {
    return this.keep(
      this.namespace.run(() => KernelStream.connect(address, port, this.#sockets, localPort)),
    );
  }

  listen(port: number, backlog?: number): () => KernelStream | undefined {
    const listener = this.listener(port, backlog);
    return () => {
      const stream = listener.accept();
      return stream && this.keep(stream);
    };
  }

  listener(port: number, backlog?: number): KernelListener {
    return this.keep(
      this.namespace.run(() => new KernelListener('::', port, this.#sockets, backlog)),
    );
  }

  /** Keeps the socket, so that it is closed together with the host. Returns it. */
  keep<T extends { close(): void }>(socket: T): T {
    this.#open.push(socket);
    return socket;
  }

  close(): void {
    for (const socket of this.#open) socket.close();
    this.tun.close();
    this.namespace.close();
  }

  /** Writes a packet. The TUN may refuse a corrupted one that is no IP packet any more (EINVAL). */
  #write(bytes: Uint8Array, length: number): void {
    const written = this.tun.write(bytes, 0, length);
    if (written < 0 && written !== -22) throw new Error(`the TUN refused a packet: ${written}`);
  }
}

export interface StackHostOptions extends HostOptions {
  stack?: Partial<StackOptions>;
  connections?: ConnectOptions & ListenOptions;
  seed?: number;
}

export class StackHost implements Host {
  readonly addresses: Record<4 | 6, string>;
  readonly stack: Stack;
  readonly #options: ConnectOptions & ListenOptions;
  readonly #offload = createPacketOffload();
  readonly #received = createPacketOffload();
  readonly #isOffload: boolean;
  readonly #joiner: Joiner;
  readonly #source = new Uint8Array(VNET_HEADER_LENGTH + 66_000);
  #now = 0;

  constructor(options: StackHostOptions) {
    const { number, mtu = 1420, offload = false, stack = {}, connections = {}, seed = 1 } = options;
    this.addresses = addressesOf(number);
    this.#options = connections;
    this.#isOffload = offload;
    this.stack = new Stack({
      randomBytes: seededRandomBytes(seed),
      addresses: Object.values(this.addresses),
      mtu,
      ...stack,
    });
    this.#joiner = new Joiner((bytes, length) => {
      decodeVnetHeader(bytes, 0, this.#received);
      const size = length - VNET_HEADER_LENGTH;
      this.stack.handlePacket(bytes, VNET_HEADER_LENGTH, size, this.#now, this.#received);
    });
  }

  get deadline(): number {
    return this.stack.pollTimeout();
  }

  take(now: number): Uint8Array[] {
    if (this.stack.pollTimeout() <= now) this.stack.handleTimeout(now);
    const packets: Uint8Array[] = [];
    const offload = this.#isOffload ? this.#offload : undefined;
    for (let count = 0; count < MOST_READS; count++) {
      const length = this.stack.pollPacket(this.#source, VNET_HEADER_LENGTH, now, offload);
      if (length === 0) break;
      if (offload) {
        encodeVnetHeader(offload, this.#source, 0);
        packets.push(...splitPackets(this.#source, VNET_HEADER_LENGTH + length));
      } else {
        packets.push(this.#source.slice(VNET_HEADER_LENGTH, VNET_HEADER_LENGTH + length));
      }
    }
    return packets;
  }

  give(packets: readonly Uint8Array[], now: number): void {
    this.#now = now;
    for (const packet of packets) {
      if (this.#isOffload) this.#joiner.add(packet);
      else this.stack.handlePacket(packet, 0, packet.length, now);
    }
    this.#joiner.flush();
  }

  connect(address: string, port: number, options: ConnectOptions = {}): StackStream {
    const { backlog: _, port: _port, ...rest } = this.#options;
    return new StackStream(this.stack.connectTcp(address, port, { ...rest, ...options }));
  }

  listen(port: number): () => StackStream | undefined {
    const listener = this.listener(port);
    return () => {
      const socket = listener.accept();
      return socket && new StackStream(socket);
    };
  }

  listener(port: number, options: ListenOptions = {}): TcpListener {
    const { localPort: _, ...rest } = this.#options;
    return this.stack.listenTcp({ ...rest, ...options, port });
  }

  close(): void {}
}

function addressesOf(number: number): Record<4 | 6, string> {
  return { 4: `10.0.0.${number}`, 6: `fd00::${number}` };
}

/** How many packets are taken in one turn at most, so that both ends make progress. */
const MOST_READS = 64;
/** Set for every test, because the machine may have other values. */
const SYSCTLS = { 'net.ipv4.tcp_ecn': 0 };
