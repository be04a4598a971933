/**
 * AF_PACKET: everything that crosses one interface, in both directions.
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

const ETH_P_ALL = 0x0003;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const SOCKADDR_LENGTH = 20;
const PACKET_TYPE = 10;
const PACKET_OUTGOING = 4;
const DEFAULT_RECEIVE_BUFFER = 32 * 1024 * 1024;

/** Captures from the moment it is made, in the calling thread's network namespace. */
export class PacketSocket {
  #fd: number;
  #drops = 0;
  #outgoing = false;
  readonly #address: Region = allocate(SOCKADDR_LENGTH);
  /** Option values and their lengths. */
  readonly #option: Region = allocate(16);

  /**
   * @param options `receiveBuffer`: bytes that wait to be read before frames are lost, 32 MiB
   * @throws {SystemError} EPERM without CAP_NET_RAW, ENODEV without such an interface
   */
  constructor(interfaceIndex: number, options: { receiveBuffer?: number } = {}) {
    const { receiveBuffer = DEFAULT_RECEIVE_BUFFER } = options;
    checkInteger('interfaceIndex', interfaceIndex, 0, 0x7fff_ffff);
    checkInteger('receiveBuffer', receiveBuffer, 0, 0x7fff_ffff);
    const type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const attempt = 'cannot open a packet socket, which needs CAP_NET_RAW';
    // Protocol 0 receives nothing until `bind`, so that no other interface's frames come in.
    this.#fd = check(libc().socket(AF_PACKET, type, 0), 'socket', attempt);
    try {
      this.#setReceiveBuffer(receiveBuffer);
      this.#bind(interfaceIndex);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** -1 once closed. */
  get fd(): number {
    return this.#fd;
  }

  /** Whether the frame that was read last was sent by this machine rather than received. */
  get outgoing(): boolean {
    return this.#outgoing;
  }

  /**
   * Reads one frame as the link carries it: from the Ethernet header on, or on a TUN from the IP
   * header on. With offloads it may be a super-packet of up to 64 KiB and some, its checksum not
   * filled in yet.
   *
   * @param buffer written from its start
   * @returns the frame's length, which is more than `buffer.length` if it was cut; 0 if none waits
   */
  read(buffer: Uint8Array): number {
    checkBytes('buffer', buffer);
    // Of a buffer that was transferred nothing is left to write to.
    if (buffer.length === 0) throw new RangeError('"buffer" expected room for a frame, got none');
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
      // ENETDOWN: the interface went down in between; told once, then frames come as before.
      if (errno !== EINTR && errno !== ENETDOWN) throw new SystemError('recvfrom', errno);
    }
  }

  /** Frames lost since the start because nobody read them in time. */
  get drops(): number {
    const { address, view } = this.#option;
    // struct tpacket_stats: u32 packets | u32 drops. Reading it sets the kernel's counters to zero.
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
    // Over net.core.rmem_max only with CAP_NET_ADMIN; otherwise as much as is allowed.
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
