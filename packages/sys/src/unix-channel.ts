/**
 * `UnixChannel`: messages and open descriptors between two processes, over a Unix socket
 * (SOCK_SEQPACKET, SCM_RIGHTS; unix(7), cmsg(3)). Node.js cannot pass descriptors to a process that
 * it did not start.
 *
 * ```
 * struct msghdr:  name (8) | length (8) | iovec (8) | count (8) | control (8) | length (8)
 * struct iovec:   base (8) | length (8)
 * struct cmsghdr: length (8) | level (4) | type (4) | descriptors, 4 bytes each
 * ```
 *
 * Only `wait` waits. A message arrives whole or not at all.
 *
 * @module
 */
import { chmodSync, rmSync } from 'node:fs';
import { checkString } from './arguments.ts';
import {
  AF_UNIX,
  EAGAIN,
  EINTR,
  POLLIN,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from './constants.ts';
import { libc } from './libc.ts';
import { allocate, type Region } from './memory.ts';
import { peerProcess, type PeerProcess } from './peer-user.ts';
import { PollSet } from './poll-set.ts';
import { check, SystemError } from './system-error.ts';

/** A message that has arrived. Its descriptors belong to the receiver. */
export interface ChannelMessage {
  readonly bytes: Uint8Array;
  readonly fds: readonly number[];
}

/** Listens for connections. The socket at `path` has the mode 0600. */
export class UnixListener {
  readonly path: string;
  #fd: number;

  /**
   * Makes the socket. The folder must be one that only the owner may enter.
   *
   * @throws {SystemError} EADDRINUSE: the path exists; ENOENT: there is no such folder; EACCES: not
   *   permitted
   * @throws {RangeError} the path is too long
   */
  constructor(path: string) {
    const address = addressOfPath(path);
    this.path = path;
    this.#fd = openSocket();
    try {
      const bound = libc().bind(this.#fd, address.address, address.bytes.length);
      check(bound, 'bind', `cannot make ${path}`);
      chmodSync(path, 0o600);
      check(libc().listen(this.#fd, 1), 'listen');
    } catch (error) {
      libc().close(this.#fd);
      throw error;
    }
  }

  /** Returns the next connection; undefined if there is none. */
  accept(): UnixChannel | undefined {
    const fd = libc().accept4(this.#fd, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) return new UnixChannel(fd);
    const errno = libc().errno();
    if (errno === EAGAIN || errno === EINTR || errno === ECONNABORTED) return undefined;
    throw new SystemError('accept4', errno, `cannot take a connection at ${this.path}`);
  }

  /** Removes the socket. May be called again. */
  close(): void {
    if (this.#fd < 0) return;
    libc().close(this.#fd);
    this.#fd = -1;
    rmSync(this.path, { force: true });
  }
}

/** One end of a connection. */
export class UnixChannel {
  /** Who made the other end. */
  readonly peer: PeerProcess;
  #fd: number;

  /** @internal Takes ownership of the descriptor. Use `UnixChannel.connect`. */
  constructor(fd: number) {
    this.#fd = fd;
    try {
      this.peer = peerProcess(fd);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * @throws {SystemError} ENOENT, ECONNREFUSED: no process listens at `path`; EACCES: not permitted
   */
  static connect(path: string): UnixChannel {
    const address = addressOfPath(path);
    const fd = openSocket();
    const connected = libc().connect(fd, address.address, address.bytes.length);
    if (connected >= 0) return new UnixChannel(fd);
    const errno = libc().errno();
    libc().close(fd);
    throw new SystemError('connect', errno, `cannot reach ${path}`);
  }

  /**
   * Sends a message with copies of descriptors. `bytes` and `fds` are borrowed for the call.
   *
   * @throws {SystemError} EPIPE: the other end is closed; EMSGSIZE: the message is too long
   */
  send(bytes: Uint8Array, fds: readonly number[] = []): void {
    const message = new Message(bytes.length, fds.length);
    message.body.bytes.set(bytes);
    message.writeDescriptors(fds);
    const sent = libc().sendmsg(this.#fd, message.header.address, MSG_NOSIGNAL);
    check(sent, 'sendmsg', 'cannot send to the other process');
  }

  /**
   * Sleeps until there is something to receive, or until `timeoutMs` have passed. The thread does
   * nothing else meanwhile.
   *
   * @returns whether a message or the end of the connection has arrived
   * @throws {SystemError} poll failed
   */
  wait(timeoutMs: number): boolean {
    const polled = new PollSet();
    polled.add(this.#fd, POLLIN);
    return polled.wait(timeoutMs) > 0;
  }

  /**
   * Returns the next message; undefined if there is none yet; 'closed' if there will be none,
   * because the other end was closed or its process has ended.
   */
  receive(): ChannelMessage | undefined | 'closed' {
    const message = new Message(LONGEST_MESSAGE, MOST_DESCRIPTORS);
    const length = libc().recvmsg(this.#fd, message.header.address, MSG_CMSG_CLOEXEC);
    if (length > 0)
      return { bytes: message.body.bytes.slice(0, length), fds: message.descriptors() };
    if (length === 0) return 'closed';
    const errno = libc().errno();
    if (errno === EAGAIN || errno === EINTR) return undefined;
    if (errno === ECONNRESET) return 'closed';
    throw new SystemError('recvmsg', errno, 'cannot read from the other process');
  }

  /** May be called again. */
  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }
}

/** A struct msghdr with space for its bytes and its descriptors. */
class Message {
  readonly header: Region = allocate(MSGHDR_LENGTH);
  readonly body: Region;
  readonly #vector: Region = allocate(16);
  readonly #control: Region;

  constructor(length: number, fds: number) {
    this.body = allocate(length);
    this.#control = allocate(fds === 0 ? 0 : CMSGHDR_LENGTH + fds * 4);
    this.#vector.view.setBigUint64(0, BigInt(this.body.address), true);
    this.#vector.view.setBigUint64(8, BigInt(length), true);
    const { view } = this.header;
    view.setBigUint64(16, BigInt(this.#vector.address), true);
    view.setBigUint64(24, 1n, true);
    if (fds === 0) return;
    view.setBigUint64(32, BigInt(this.#control.address), true);
    view.setBigUint64(CONTROL_LENGTH, BigInt(this.#control.bytes.length), true);
  }

  writeDescriptors(fds: readonly number[]): void {
    if (fds.length === 0) return;
    const { view, bytes } = this.#control;
    view.setBigUint64(0, BigInt(bytes.length), true);
    view.setInt32(8, SOL_SOCKET, true);
    view.setInt32(12, SCM_RIGHTS, true);
    fds.forEach((fd, i) => view.setInt32(CMSGHDR_LENGTH + i * 4, fd, true));
  }

  descriptors(): number[] {
    const { view } = this.#control;
    const space = Number(this.header.view.getBigUint64(CONTROL_LENGTH, true));
    if (space < CMSGHDR_LENGTH || view.getInt32(12, true) !== SCM_RIGHTS) return [];
    const count = (Number(view.getBigUint64(0, true)) - CMSGHDR_LENGTH) / 4;
    return Array.from({ length: count }, (_, i) => view.getInt32(CMSGHDR_LENGTH + i * 4, true));
  }
}

function openSocket(): number {
  const type = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;
  return check(libc().socket(AF_UNIX, type, 0), 'socket');
}

/** Returns a struct sockaddr_un. */
function addressOfPath(path: string): Region {
  checkString('path', path);
  const name = new TextEncoder().encode(path);
  if (name.length > LONGEST_PATH) {
    throw new RangeError(`"path" expected 1..${LONGEST_PATH} bytes, got ${name.length}`);
  }
  const region = allocate(2 + name.length + 1);
  region.view.setUint16(0, AF_UNIX, true);
  region.bytes.set(name, 2);
  return region;
}

/** bits/socket_type.h: messages in order, over a connection. */
const SOCK_SEQPACKET = 5;
const SCM_RIGHTS = 1;
/** A write to a closed connection fails, and no signal ends the process. */
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const ECONNABORTED = 103;
const ECONNRESET = 104;
const MSGHDR_LENGTH = 56;
const CONTROL_LENGTH = 40;
const CMSGHDR_LENGTH = 16;
/** The bytes of sockaddr_un.sun_path, without the zero at the end. */
const LONGEST_PATH = 107;
const LONGEST_MESSAGE = 65_536;
const MOST_DESCRIPTORS = 16;
