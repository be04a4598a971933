/**
 * `KernelStream`, `KernelListener`: TCP sockets of the Linux kernel that never block, through libc.
 * So a test drives both ends of a connection in one thread, step by step.
 *
 * @module
 */
import { addressOf, allocate, koffi, libc, linux, SystemError } from '@litz/sys';
import { IpAddress } from '../../src/index.ts';
import type { Stream } from './stream.ts';

/** Options of a socket: level, name, value. */
export type SocketOption = readonly [level: number, name: number, value: number];

/** Values of linux/tcp.h and asm-generic/socket.h. */
export const OPTION = {
  noDelay: (on = 1): SocketOption => [TCP, 1, on],
  maximumSegment: (size: number): SocketOption => [TCP, 2, size],
  keepAlive: (): SocketOption => [linux.SOL_SOCKET, 9, 1],
  keepAliveIdle: (seconds: number): SocketOption => [TCP, 4, seconds],
  keepAliveInterval: (seconds: number): SocketOption => [TCP, 5, seconds],
  keepAliveCount: (count: number): SocketOption => [TCP, 6, count],
  receiveBuffer: (bytes: number): SocketOption => [linux.SOL_SOCKET, 8, bytes],
  sendBuffer: (bytes: number): SocketOption => [linux.SOL_SOCKET, 7, bytes],
  reuseAddress: (): SocketOption => [linux.SOL_SOCKET, 2, 1],
} as const;

/** One end of a connection in the kernel. It must be made inside its namespace. */
export class KernelStream implements Stream {
  readonly fd: number;
  #error: string | undefined;
  #isEnded = false;
  #isClosed = false;

  /** Takes ownership of `fd`. */
  constructor(fd: number) {
    this.fd = fd;
  }

  /** Begins a connection. */
  static connect(
    address: string,
    port: number,
    options: readonly SocketOption[] = [],
    localPort = 0,
  ): KernelStream {
    const stream = new KernelStream(open(address));
    for (const option of options) stream.setOption(option);
    if (localPort > 0) {
      stream.setOption(OPTION.reuseAddress());
      const any = address.includes(':') ? '::' : '0.0.0.0';
      bind(stream.fd, any, localPort);
    }
    const { region, length } = socketAddress(address, port);
    if (libc().connect(stream.fd, region.address, length) < 0) {
      const errno = libc().errno();
      if (errno !== EINPROGRESS) throw new SystemError('connect', errno);
    }
    return stream;
  }

  /** The name of the errno, if the connection has failed. */
  get error(): string | undefined {
    if (this.#isClosed) return this.#error;
    const errno = this.option(linux.SOL_SOCKET, SO_ERROR);
    if (errno !== 0) this.#error = nameOf(errno);
    return this.#error;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The state of the connection as in the table of /proc/net/tcp: 1 is established. */
  get state(): number {
    return this.#isClosed ? CLOSE : this.info().view.getUint8(0);
  }

  get isConnected(): boolean {
    return this.state === ESTABLISHED;
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    const count = libc().send(this.fd, addressOf(bytes) + offset, length, MSG_NOSIGNAL);
    return count < 0 ? this.#fail() : count;
  }

  read(bytes: Uint8Array, offset: number, length: number): number {
    const count = libc().recv(this.fd, addressOf(bytes) + offset, length, 0);
    if (count < 0) return this.#fail();
    if (count === 0 && length > 0) this.#isEnded = true;
    return count;
  }

  end(): void {
    native().shutdown(this.fd, SHUT_WR);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    libc().close(this.fd);
  }

  /** Ends the connection with a RST. */
  abort(): void {
    const linger = allocate(8);
    linger.view.setInt32(0, 1, true);
    libc().setsockopt(this.fd, linux.SOL_SOCKET, SO_LINGER, linger.address, 8);
    this.close();
  }

  setOption([level, name, value]: SocketOption): void {
    const region = allocate(4);
    region.view.setInt32(0, value, true);
    if (libc().setsockopt(this.fd, level, name, region.address, 4) < 0) {
      throw new SystemError('setsockopt', libc().errno());
    }
  }

  option(level: number, name: number): number {
    const value = allocate(4);
    const length = allocate(4);
    length.view.setUint32(0, 4, true);
    libc().getsockopt(this.fd, level, name, value.address, length.address);
    return value.view.getInt32(0, true);
  }

  /** struct tcp_info. */
  info(): { view: DataView } {
    const value = allocate(280);
    const length = allocate(4);
    length.view.setUint32(0, 280, true);
    libc().getsockopt(this.fd, TCP, TCP_INFO, value.address, length.address);
    return value;
  }

  #fail(): number {
    const errno = libc().errno();
    if (errno === EAGAIN || errno === EINPROGRESS || errno === ENOTCONN) return 0;
    this.#error = nameOf(errno);
    return -1;
  }
}

/** Accepts connections in the kernel. */
export class KernelListener {
  readonly fd: number;
  readonly #options: readonly SocketOption[];

  constructor(
    address: string,
    port: number,
    options: readonly SocketOption[] = [],
    backlog = 4096,
  ) {
    const stream = new KernelStream(open(address));
    this.fd = stream.fd;
    this.#options = options;
    stream.setOption(OPTION.reuseAddress());
    // These options are set before `listen`, because the window is chosen when a connection begins.
    for (const option of options) stream.setOption(option);
    bind(this.fd, address, port);
    if (native().listen(this.fd, backlog) < 0) throw new SystemError('listen', libc().errno());
  }

  accept(): KernelStream | undefined {
    const fd = native().accept4(this.fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return undefined;
    const stream = new KernelStream(fd);
    for (const option of this.#options) stream.setOption(option);
    return stream;
  }

  close(): void {
    libc().close(this.fd);
  }
}

interface Native {
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: number, length: number, flags: number): number;
  shutdown(fd: number, how: number): number;
}

let loaded: Native | undefined;

/** The calls that Litz itself does not make. */
function native(): Native {
  return (loaded ??= load());
}

function load(): Native {
  const library = koffi().load(null);
  const accept4 = 'int accept4(int fd, uintptr_t address, uintptr_t length, int flags)';
  return {
    listen: library.func('int listen(int fd, int backlog)') as Native['listen'],
    accept4: library.func(accept4) as Native['accept4'],
    shutdown: library.func('int shutdown(int fd, int how)') as Native['shutdown'],
  };
}

function open(address: string): number {
  const domain = address.includes(':') ? linux.AF_INET6 : linux.AF_INET;
  const fd = libc().socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SystemError('socket', libc().errno());
  // The socket chooses its congestion control, because the default of a machine may differ.
  const name = allocate(CONGESTION_CONTROL.length);
  name.bytes.set(new TextEncoder().encode(CONGESTION_CONTROL));
  if (libc().setsockopt(fd, TCP, TCP_CONGESTION, name.address, CONGESTION_CONTROL.length) < 0) {
    throw new SystemError('setsockopt', libc().errno(), 'cannot choose cubic');
  }
  return fd;
}

function bind(fd: number, address: string, port: number): void {
  const { region, length } = socketAddress(address, port);
  if (libc().bind(fd, region.address, length) < 0) throw new SystemError('bind', libc().errno());
}

/** struct sockaddr_in, struct sockaddr_in6. */
function socketAddress(
  text: string,
  port: number,
): { region: ReturnType<typeof allocate>; length: number } {
  const address = IpAddress.from(text);
  const isV4 = address.version === 4;
  const length = isV4 ? 16 : 28;
  const region = allocate(length);
  region.view.setUint16(0, isV4 ? linux.AF_INET : linux.AF_INET6, true);
  region.view.setUint16(2, port);
  address.write(region.bytes, isV4 ? 4 : 8);
  return { region, length };
}

function nameOf(errno: number): string {
  return ERRORS[errno] ?? `errno ${errno}`;
}

const ERRORS: Record<number, string> = {
  32: 'EPIPE',
  90: 'EMSGSIZE',
  104: 'ECONNRESET',
  110: 'ETIMEDOUT',
  111: 'ECONNREFUSED',
  113: 'EHOSTUNREACH',
};
const TCP = 6;
const TCP_INFO = 11;
const TCP_CONGESTION = 13;
const CONGESTION_CONTROL = 'cubic';
const SO_ERROR = 4;
const SO_LINGER = 13;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;
const EAGAIN = 11;
const ENOTCONN = 107;
const EINPROGRESS = 115;
const ESTABLISHED = 1;
const CLOSE = 7;
