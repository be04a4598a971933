/**
 * `PacketSocket`: captures all frames of one interface in both directions, with AF_PACKET.
 *
 * ```
 * struct sockaddr_ll: u16 family | u16 protocol (network order) | i32 interface index
 *                   | u16 hardware type | u8 packet type | u8 address length | u8 address[8]
 * ```
 *
 * @module
 */
import { checkBytes, checkInteger } from '../arguments.ts';
import {
  AF_PACKET,
  EAGAIN,
  EINTR,
  ENETDOWN,
  MSG_TRUNC,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from '../constants.ts';
import { libc } from '../libc.ts';
import { addressOf, allocate, type Region } from '../memory.ts';
import { check, SystemError } from '../system-error.ts';

/** A socket that captures from the moment it is made, in the calling thread's network namespace. */
export class PacketSocket {
  #fd: number;
  #drops = 0;
  #outgoing = false;
  readonly #address: Region = allocate(SOCKADDR_LENGTH);
  /** Values of options and their lengths. */
  readonly #option: Region = allocate(16);

  /**
   * Opens a socket.
   *
   * @param options `receiveBuffer`: how many bytes may wait to be read before frames are lost;
   *   default 32 MiB
   * @throws {SystemError} EPERM: no CAP_NET_RAW; ENODEV: there is no such interface
   */
  constructor(interfaceIndex: number, options: { receiveBuffer?: number } = {}) {
    const { receiveBuffer = DEFAULT_RECEIVE_BUFFER } = options;
    checkInteger('interfaceIndex', interfaceIndex, 0, 0x7fff_ffff);
    checkInteger('receiveBuffer', receiveBuffer, 0, 0x7fff_ffff);
    const type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const attempt = 'cannot open a packet socket, which needs CAP_NET_RAW';
    // With protocol 0 nothing is received until `bind`, so no frames of other interfaces come in.
    this.#fd = check(libc().socket(AF_PACKET, type, 0), 'socket', attempt);
    try {
      this.#setReceiveBuffer(receiveBuffer);
      this.#bind(interfaceIndex);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** -1 after `close`. */
  get fd(): number {
    return this.#fd;
  }

  /** Whether the last frame was sent by this machine; false if it was received. */
  get outgoing(): boolean {
    return this.#outgoing;
  }

  /**
   * Reads one frame as the link carries it: from the Ethernet header on, or on a TUN from the IP
   * header on. With offloads it may be a super-packet of somewhat more than 64 KiB, whose checksum
   * is not yet computed.
   *
   * @param buffer written from its start
   * @returns the length of the frame, which is more than `buffer.length` if it was cut; 0 if no
   *   frame waits
   */
  read(buffer: Uint8Array): number {
    checkBytes('buffer', buffer);
    // A buffer that was transferred has no bytes to write to.
    if (buffer.length === 0) throw new RangeError('"buffer" expected at least 1 byte, got 0');
    for (;;) {
      this.#option.view.setUint32(0, SOCKADDR_LENGTH, true);
      const name = this.#address.address;
      const length = libc().recvfrom(
        this.#fd,
        addressOf(buffer),
        buffer.length,
        MSG_TRUNC,
        name,
        this.#option.address,
      );
      if (length >= 0) {
        this.#outgoing = this.#address.bytes[PACKET_TYPE] === PACKET_OUTGOING;
        return length;
      }
      const errno = libc().errno();
      if (errno === EAGAIN) return 0;
      // ENETDOWN: the interface went down meanwhile. The kernel reports it once; then frames come
      // as before.
      if (errno !== EINTR && errno !== ENETDOWN) throw new SystemError('recvfrom', errno);
    }
  }

  /** How many frames were lost since the start because they were not read in time. */
  get drops(): number {
    const { address, view } = this.#option;
    // struct tpacket_stats: u32 packets | u32 drops. Reading it resets the kernel's counters.
    view.setUint32(8, 8, true);
    check(
      libc().getsockopt(this.#fd, SOL_PACKET, PACKET_STATISTICS, address, address + 8),
      'getsockopt',
    );
    this.#drops += view.getUint32(4, true);
    return this.#drops;
  }

  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }

  #setReceiveBuffer(length: number): void {
    const { address, view } = this.#option;
    view.setUint32(0, length, true);
    // A buffer of more than net.core.rmem_max needs CAP_NET_ADMIN. Without this capability, the
    // buffer gets the size that is allowed.
    if (libc().setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, address, 4) === 0) return;
    check(libc().setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUF, address, 4), 'setsockopt');
  }

  #bind(interfaceIndex: number): void {
    const { bytes, view, address } = this.#address;
    bytes.fill(0);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, ETH_P_ALL, false);
    view.setInt32(4, interfaceIndex, true);
    const attempt = `cannot capture on interface ${interfaceIndex}`;
    check(libc().bind(this.#fd, address, SOCKADDR_LENGTH), 'bind', attempt);
  }
}

const ETH_P_ALL = 0x0003;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const SOCKADDR_LENGTH = 20;
const PACKET_TYPE = 10;
const PACKET_OUTGOING = 4;
// In bytes.
const DEFAULT_RECEIVE_BUFFER = 32 * 1024 * 1024;
