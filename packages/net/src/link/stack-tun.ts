/**
 * `StackTun`: the TUN of a device that has an IP stack behind it instead of an interface.
 *
 * ```
 *  sockets  <->  Stack  <->  StackTun  <->  Device  <->  UDP
 *                  |            | onReadable: the stack may have packets
 *                  |            | timer: the next deadline of the stack
 *                  +--- changed sockets --> onSocket
 * ```
 * The device takes packets when it has space, and takes each super-packet as a whole.
 *
 * In this file, a turn is one callback of the event loop. `#settle` runs once after each turn in
 * which the TUN was called: it reports changed sockets, sets the timer and wakes the device.
 *
 * @module
 */
import { performance } from 'node:perf_hooks';
import { checkFunction, checkObject, MAX_DATAGRAM_LENGTH } from '@litz/core/internals';
import type { Tun, TunLinkChange } from '@litz/device';
import { createPacketOffload, Stack, type PacketOffload, type Socket } from '@litz/netstack';
import { decodeVnetHeader, encodeVnetHeader, VNET_HEADER_LENGTH } from '@litz/tun/offload';

/** Options of `StackTun`. */
export interface StackTunOptions {
  /** The stack of the sockets. The TUN drives it: nothing else may poll it. */
  readonly stack: Stack;
  /** The name of the TUN, which is also the `name` of the device. Default 'netstack'. */
  readonly name?: string;
  /** Monotonic milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
  /** Called with each changed socket (`Stack.pollSocket`), after the turn in which it changed. */
  readonly onSocket: (socket: Socket) => void;
}

/**
 * A TUN with an IP stack behind it, for `Device.create({ tun })`.
 *
 * @example An echo request through a tunnel
 *
 * ```ts
 * import { randomFillSync } from 'node:crypto';
 * import { generateKeyPair } from '@litz/core';
 * import { Device } from '@litz/device';
 * import { StackTun } from '@litz/net';
 * import { EchoSocket, Stack, type Socket } from '@litz/netstack';
 *
 * const [keysA, keysB] = [generateKeyPair(), generateKeyPair()];
 * const create = (address: string) => {
 *   const stack = new Stack({ randomBytes: randomFillSync, addresses: [address] });
 *   const onSocket = (socket: Socket) => {
 *     if (!(socket instanceof EchoSocket)) return;
 *     const data = new Uint8Array(100);
 *     console.log(socket.receive(data), 'bytes from', socket.origin.address.toString());
 *     socket.close();
 *     void Promise.all([a.close(), b.close()]);
 *   };
 *   return new StackTun({ stack, onSocket });
 * };
 * const [tunA, tunB] = [create('10.0.0.1'), create('10.0.0.2')];
 * const b = await Device.create({ tun: tunB, privateKey: keysB.privateKey });
 * await b.configure({ peers: [{ publicKey: keysA.publicKey, allowedIps: ['10.0.0.1/32'] }] });
 * const endpoint = `127.0.0.1:${(await b.status()).listenPort}`;
 * const peers = [{ publicKey: keysB.publicKey, endpoint, allowedIps: ['10.0.0.2/32'] }];
 * const a = await Device.create({ tun: tunA, privateKey: keysA.privateKey, peers });
 * const ping = tunA.stack.openEcho();
 * ping.send('10.0.0.2', 1, new Uint8Array(8));
 * tunA.wake(); //=> 8 bytes from 10.0.0.2
 * ```
 */
export class StackTun implements Tun {
  readonly name: string;
  readonly fd: number = -1;
  /** The stack takes and gives TCP super-packets; datagrams are single packets. */
  readonly offloads: { readonly tcp: boolean; readonly udp: boolean } = { tcp: true, udp: false };
  readonly stack: Stack;
  /** Set by the device. */
  onReadable: (() => void) | undefined = undefined;
  /** Set by the device. */
  onLinkChange: ((change: TunLinkChange) => void) | undefined = undefined;
  readonly #now: () => number;
  readonly #onSocket: (socket: Socket) => void;
  /** The vnet header of the packet that is being read or written. */
  readonly #offload: PacketOffload = createPacketOffload();
  /**
   * The time of this turn; undefined between turns. A field that may be undefined refers to a
   * number object, which is made once in a turn. In a field that has only numbers, V8 would store
   * the bare value, and make a new object each time that it is read.
   */
  #turn: number | undefined = undefined;
  #isSettling = false;
  /** Whether the stack may have packets that the device has not taken. */
  #isReadable = false;
  #timer: NodeJS.Timeout | undefined = undefined;
  #timerDue = Infinity;
  #isClosed = false;

  /** @throws {TypeError} an option is missing or has the wrong type */
  constructor(options: StackTunOptions) {
    checkObject(options, 'options', ['stack', 'name', 'now', 'onSocket']);
    const { stack, name = 'netstack', now = () => performance.now(), onSocket } = options;
    if (!(stack instanceof Stack)) throw new TypeError('"stack" expected a Stack');
    checkFunction(now, 'now');
    checkFunction(onSocket, 'onSocket');
    this.stack = stack;
    this.#limitSegments();
    this.name = name;
    this.#now = now;
    this.#onSocket = onSocket;
  }

  /** Maximum length of a packet in bytes: that of the stack. */
  get mtu(): number {
    return this.stack.mtu;
  }

  /**
   * Changes the MTU of the stack and of the device while they run.
   *
   * @throws {TypeError | RangeError} `mtu` is not an integer from 1280 to 65535
   */
  setMtu(mtu: number): void {
    this.stack.mtu = mtu;
    this.#limitSegments();
    this.onLinkChange?.({ type: 'mtu', mtu });
    this.wake();
  }

  /**
   * Must be called after each call on the stack or on one of its sockets, in the same turn of the
   * event loop. Then the device takes the packets, changed sockets are reported, and the timer is
   * set. Costs little if it is called often.
   */
  wake(): void {
    this.#isReadable = true;
    this.#settleLater();
  }

  /** Called by the device: takes one packet or super-packet from the stack. */
  read(buffer: Uint8Array, offset: number, length: number): number {
    if (this.#isClosed) return GONE;
    const space = length - VNET_HEADER_LENGTH;
    // The stack may fill the buffer to its end. So if the space is shorter than the longest packet,
    // the stack gets only the part of the buffer up to the end of the space.
    const target = space < LONGEST_PACKET ? buffer.subarray(0, offset + length) : buffer;
    const packet = offset + VNET_HEADER_LENGTH;
    const count = this.stack.pollPacket(target, packet, this.#time(), this.#offload);
    this.#settleLater();
    this.#isReadable = count > 0;
    if (count === 0) return 0;
    encodeVnetHeader(this.#offload, buffer, offset);
    return count + VNET_HEADER_LENGTH;
  }

  /** Called by the device: gives a packet or super-packet from the tunnel to the stack. */
  write(buffer: Uint8Array, offset: number, length: number): number {
    if (this.#isClosed) return EIO;
    if (length <= VNET_HEADER_LENGTH) return EINVAL;
    decodeVnetHeader(buffer, offset, this.#offload);
    const packet = offset + VNET_HEADER_LENGTH;
    this.stack.handlePacket(
      buffer,
      packet,
      length - VNET_HEADER_LENGTH,
      this.#time(),
      this.#offload,
    );
    this.#isReadable = true;
    this.#settleLater();
    return length;
  }

  /** Closes the TUN, and the device with it. All sockets of the stack fail with `ENETDOWN`. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.stack.close(`the device ${this.name} was closed`);
    this.onReadable?.();
    this.#settleLater();
  }

  /**
   * Limits the segments of a super-packet to the number that fits, encrypted, into one send call
   * with GSO. Without this limit, each super-packet would need two calls: a full one, and one for
   * the rest.
   */
  #limitSegments(): void {
    const fits = Math.floor(MAX_DATAGRAM_LENGTH / (this.stack.mtu + MESSAGE_OVERHEAD));
    this.stack.segmentLimit = Math.min(Math.max(fits, 1), MOST_SEGMENTS);
  }

  /** Returns the time, which is read once in a turn. */
  #time(): number {
    return (this.#turn ??= this.#now());
  }

  #settleLater(): void {
    if (this.#isSettling) return;
    this.#isSettling = true;
    // Listeners are called after the present callback, because the device may be at work in it, and
    // a listener may call the device or throw.
    process.nextTick(this.#settle);
  }

  readonly #settle = (): void => {
    this.#turn = undefined;
    let isDone = false;
    try {
      for (let s = this.stack.pollSocket(); s; s = this.stack.pollSocket()) this.#onSocket(s);
      isDone = true;
    } finally {
      this.#isSettling = false;
      // If a listener has thrown, the other sockets are reported in the next tick.
      if (!isDone) this.#settleLater();
      this.#setTimer();
      if (this.#isReadable) this.onReadable?.();
    }
  };

  /**
   * Sets the timer only if the deadline is earlier than the time for which the timer is set
   * already. Each packet moves the deadline, mostly to a later time. A timer that expires before
   * the deadline is set again.
   */
  #setTimer(): void {
    const due = this.#isClosed ? Infinity : this.stack.pollTimeout();
    if (due >= this.#timerDue) return;
    clearTimeout(this.#timer);
    this.#timerDue = due;
    // Rounded up, because there is nothing to do before the deadline.
    const ms = Math.min(Math.max(Math.ceil(due - this.#now()), 0), LONGEST_TIMEOUT_MS);
    this.#timer = setTimeout(this.#expire, ms).unref();
  }

  readonly #expire = (): void => {
    this.#timerDue = Infinity;
    const now = this.#now();
    const isDue = now >= this.stack.pollTimeout();
    if (isDue) this.stack.handleTimeout(now);
    this.#isReadable ||= isDue;
    this.#settleLater();
  };
}

/** `Tun.read` returns this when the device is gone. */
const GONE = -1;
const EIO = -5;
const EINVAL = -22;
/** Bytes that encryption adds to a packet: transport header 16, tag 16. */
const MESSAGE_OVERHEAD = 32;
/** UDP_MAX_SEGMENTS of kernels before 6.9. */
const MOST_SEGMENTS = 64;
/** In bytes: the longest packet that a stack writes. */
const LONGEST_PACKET = 65_535;
/** The longest time that setTimeout takes. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;
