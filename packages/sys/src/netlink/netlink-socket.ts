/**
 * `NetlinkSocket`: a NETLINK socket for requests with their answers, or for notifications of
 * multicast groups.
 *
 * The socket belongs to the network namespace that the calling thread was in when the socket was
 * made. The kernel answers a request before the call that sends it returns, so reading the answer
 * does not wait.
 *
 * @module
 */
import {
  AF_NETLINK,
  EAGAIN,
  EINTR,
  EMSGSIZE,
  ENOBUFS,
  EPERM,
  MSG_TRUNC,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SO_RCVBUF,
  SOL_SOCKET,
} from '../constants.ts';
import { libc } from '../libc.ts';
import { allocate, type Region } from '../memory.ts';
import { check, SystemError } from '../system-error.ts';
import { align4, MESSAGE_HEADER_LENGTH, type MessageBuilder } from './message-builder.ts';
import { readAttributes, readMessages, viewOf, type NetlinkMessage } from './message-reader.ts';
import {
  MESSAGE_NAMES,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './rtnetlink.ts';

/**
 * Converts a message, which is borrowed for the call: the next message overwrites it. Returns
 * undefined for a message that is not wanted.
 */
export type MessageReader<T> = (message: NetlinkMessage) => T | undefined;

export class NetlinkSocket {
  #fd: number;
  #sequence = 0;
  readonly #buffer: Region = allocate(BUFFER_LENGTH);

  /**
   * Opens a socket.
   *
   * @param groups the multicast groups (`RTMGRP_...`) whose notifications the socket receives. If
   *   there are groups, the socket does not block
   * @param protocol NETLINK_...; default: NETLINK_ROUTE
   * @throws {SystemError} no descriptors are left
   */
  constructor(groups = 0, protocol: number = NETLINK_ROUTE) {
    const type = SOCK_RAW | SOCK_CLOEXEC | (groups === 0 ? 0 : SOCK_NONBLOCK);
    this.#fd = check(libc().socket(AF_NETLINK, type, protocol), 'socket', 'netlink');
    try {
      this.#bind(groups);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** -1 after `close`. */
  get fd(): number {
    return this.#fd;
  }

  /**
   * Sends one request and reads its answer up to the acknowledgement.
   *
   * @param build makes the message; called again if a dump must be repeated
   * @param attempt how the text of an error begins, such as 'cannot add a route'
   * @param read converts a message of the answer; a message that it converts to undefined is left
   *   out. The message is borrowed for the call, so that a dump of thousands of routes needs no
   *   memory for messages. `read` must not use this socket. Default: leaves out every message
   * @returns what `read` has returned, in the order of the answer
   * @throws {SystemError} the kernel's error; `syscall` is the name of the message
   */
  request<T>(
    build: () => MessageBuilder,
    attempt: string,
    read: MessageReader<T> = () => undefined,
  ): T[] {
    for (let left = DUMP_ATTEMPTS; ; left--) {
      const sequence = (this.#sequence = (this.#sequence + 1) >>> 0);
      const message = build().finish(sequence);
      const type = viewOf(message).getUint16(4, true);
      this.#send(message);
      const answer: T[] = [];
      const isInterrupted = this.#receiveAnswer(
        { sequence, name: MESSAGE_NAMES[type] ?? 'netlink', attempt },
        (message) => {
          const value = read(message);
          if (value !== undefined) answer.push(value);
        },
      );
      if (!isInterrupted || left === 1) return answer;
    }
  }

  /**
   * Sends many requests whose only answer is an acknowledgement, a few dozen in each datagram. The
   * kernel carries them out in order, and continues after one that fails.
   *
   * @param build makes the message with this index, just before it is sent
   * @returns for each request its error, or undefined if it succeeded
   * @throws {SystemError} a datagram could not be sent, or its answers could not be read
   */
  requestAll(
    count: number,
    build: (index: number) => MessageBuilder,
    attempt: string,
  ): (SystemError | undefined)[] {
    const results: (SystemError | undefined)[] = [];
    for (let at = 0; at < count; at += MOST_IN_BATCH) {
      const length = Math.min(count - at, MOST_IN_BATCH);
      const first = (this.#sequence + 1) >>> 0;
      this.#sequence = (this.#sequence + length) >>> 0;
      const finished = Array.from({ length }, (_, i) => build(at + i).finish((first + i) >>> 0));
      this.#send(joinMessages(finished));
      results.push(...this.#receiveResults(first, finished, attempt));
    }
    return results;
  }

  /**
   * Like `request`, for a dump in which the kernel returns only what the request's filter selects
   * (Linux 4.20). An older kernel returns everything.
   */
  requestStrictly<T>(build: () => MessageBuilder, attempt: string, read: MessageReader<T>): T[] {
    this.#checkStrictly(1);
    try {
      return this.request(build, attempt, read);
    } finally {
      this.#checkStrictly(0);
    }
  }

  /**
   * Returns the notifications that have arrived. Never waits if the socket has groups.
   *
   * @param read converts a notification, as in `request`
   * @returns undefined if the kernel lost notifications because the queue was full; the caller must
   *   read the state again
   */
  notifications<T>(read: MessageReader<T>): T[] | undefined {
    const values: T[] = [];
    for (;;) {
      const received = this.#receive();
      if (received === 'empty') return values;
      if (received === 'overflow') return undefined;
      for (const message of received) {
        const value = read(message);
        if (value !== undefined) values.push(value);
      }
    }
  }

  /**
   * Discards all notifications that have arrived. Called when `notifications` has returned
   * undefined. Never waits if the socket has groups.
   */
  discardAll(): void {
    while (this.notifications(() => undefined) === undefined);
  }

  /**
   * Also reports notifications of other namespaces that have a number in this namespace
   * (NETLINK_LISTEN_ALL_NSID).
   *
   * @throws {SystemError} EPERM: no CAP_NET_BROADCAST
   */
  receiveFromAllNamespaces(): void {
    this.#buffer.view.setUint32(0, 1, true);
    const { address } = this.#buffer;
    check(
      libc().setsockopt(this.#fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, address, 4),
      'setsockopt',
      'cannot receive notifications of other namespaces, which needs CAP_NET_BROADCAST',
    );
  }

  /**
   * Makes the kernel queue as few notifications as possible: one or two. All others are lost and
   * cost nothing.
   */
  shrinkQueue(): void {
    this.#buffer.view.setUint32(0, 0, true);
    const { address } = this.#buffer;
    check(libc().setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUF, address, 4), 'setsockopt', 'netlink');
  }

  /**
   * Discards the notifications that have arrived, and the information that some were lost. Never
   * waits if the socket has groups.
   *
   * @returns whether a notification had arrived or was lost
   */
  discard(): boolean {
    // The loop has a limit, because notifications may arrive faster than it reads them.
    for (let count = 0; count < MOST_DISCARDED; count++) {
      if (libc().recv(this.#fd, this.#buffer.address, 1, 0) >= 0) continue;
      const errno = libc().errno();
      if (errno === EAGAIN) return count > 0;
      if (errno !== ENOBUFS && errno !== EINTR) throw new SystemError('recv', errno, 'netlink');
    }
    return true;
  }

  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }

  #checkStrictly(on: 0 | 1): void {
    this.#buffer.view.setUint32(0, on, true);
    const { address } = this.#buffer;
    libc().setsockopt(this.#fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, address, 4);
  }

  #bind(groups: number): void {
    this.#buffer.view.setUint32(0, 1, true);
    // NETLINK_CAP_ACK leaves the request out of errors, and NETLINK_EXT_ACK adds an explanation. An
    // older kernel works without these options.
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) {
      libc().setsockopt(this.#fd, SOL_NETLINK, option, this.#buffer.address, 4);
    }
    // The value of SO_RCVTIMEO is a struct timeval. No call should ever wait for an answer. If one
    // does, an error is better than waiting without end.
    this.#buffer.bytes.fill(0, 0, 16);
    this.#buffer.view.setUint32(0, ANSWER_TIMEOUT_S, true);
    libc().setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, this.#buffer.address, 16);
    this.#buffer.bytes.fill(0, 0, SOCKADDR_LENGTH);
    this.#buffer.view.setUint16(0, AF_NETLINK, true);
    this.#buffer.view.setUint32(8, groups, true);
    check(libc().bind(this.#fd, this.#buffer.address, SOCKADDR_LENGTH), 'bind', 'netlink');
  }

  #send(message: Uint8Array): void {
    // A netlink socket that is not connected sends to the kernel.
    this.#buffer.bytes.set(message);
    for (;;) {
      if (libc().send(this.#fd, this.#buffer.address, message.length, 0) >= 0) return;
      const errno = libc().errno();
      if (errno !== EINTR) throw new SystemError('send', errno, 'netlink');
    }
  }

  /**
   * Reads an answer.
   *
   * @returns true if the answer is a dump, and the table changed during the dump
   */
  #receiveAnswer(
    { sequence, name, attempt }: { sequence: number; name: string; attempt: string },
    take: (message: NetlinkMessage) => void,
  ): boolean {
    let isInterrupted = false;
    for (;;) {
      const received = this.#receive();
      if (received === 'empty') throw new SystemError(name, EAGAIN, attempt);
      if (received === 'overflow') throw new SystemError(name, ENOBUFS, attempt);
      for (const message of received) {
        // A message with another number is the rest of an earlier answer that was given up.
        if (message.sequence !== sequence) continue;
        isInterrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
        // An error of 0 is the acknowledgement. A dump ends with NLMSG_DONE instead.
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          const failure = failureIn(message, name, attempt);
          if (failure) throw failure;
          return isInterrupted;
        }
        take(message);
      }
    }
  }

  #receiveResults(
    first: number,
    messages: readonly Uint8Array[],
    attempt: string,
  ): (SystemError | undefined)[] {
    const results = messages.map((): SystemError | undefined => undefined);
    for (let left = messages.length; left > 0;) {
      const received = this.#receive();
      if (received === 'empty') throw new SystemError('recv', EAGAIN, attempt);
      if (received === 'overflow') throw new SystemError('recv', ENOBUFS, attempt);
      for (const message of received) {
        const index = (message.sequence - first) >>> 0;
        if (index >= messages.length || message.type !== NLMSG_ERROR) continue;
        const type = viewOf(messages[index]!).getUint16(4, true);
        results[index] = failureIn(message, MESSAGE_NAMES[type] ?? 'netlink', attempt);
        left--;
      }
    }
    return results;
  }

  #receive(): NetlinkMessage[] | 'empty' | 'overflow' {
    for (;;) {
      const { address } = this.#buffer;
      const length = libc().recv(this.#fd, address, BUFFER_LENGTH, MSG_TRUNC);
      if (length > BUFFER_LENGTH) throw new SystemError('recv', EMSGSIZE, 'netlink');
      if (length >= 0) return readMessages(this.#buffer.bytes.subarray(0, length));
      const errno = libc().errno();
      if (errno === EAGAIN) return 'empty';
      if (errno === ENOBUFS) return 'overflow';
      if (errno !== EINTR) throw new SystemError('recv', errno, 'netlink');
    }
  }
}

/**
 * Returns the error in an acknowledgement, or undefined.
 *
 * struct nlmsgerr: i32 -errno | the request's header (16), then the rest of the request unless it
 * was capped, then attributes. NLMSG_DONE: i32 -errno | attributes.
 */
function failureIn(
  message: NetlinkMessage,
  name: string,
  attempt: string,
): SystemError | undefined {
  const { payload, flags, type } = message;
  const view = viewOf(payload);
  const error = payload.length >= 4 ? -view.getInt32(0, true) : 0;
  if (error <= 0) return undefined;
  let attributesAt = 4;
  if (type === NLMSG_ERROR && payload.length >= 8) {
    attributesAt +=
      (flags & NLM_F_CAPPED) !== 0 ? MESSAGE_HEADER_LENGTH : align4(view.getUint32(4, true));
  }
  const explained =
    (flags & NLM_F_ACK_TLVS) !== 0
      ? readAttributes(payload, attributesAt).string(NLMSGERR_ATTR_MSG)
      : undefined;
  const reason = explained ?? (error === EPERM ? 'needs CAP_NET_ADMIN' : undefined);
  return new SystemError(name, error, reason ? `${attempt} (${reason})` : attempt);
}

function joinMessages(messages: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(messages.reduce((sum, { length }) => sum + align4(length), 0));
  let at = 0;
  for (const message of messages) {
    joined.set(message, at);
    at += align4(message.length);
  }
  return joined;
}

const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const SO_RCVTIMEO = 20;
// How long to wait for an answer, in seconds.
const ANSWER_TIMEOUT_S = 5;
const NETLINK_LISTEN_ALL_NSID = 8;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
/**
 * How many requests one datagram holds at most. Their answers fit into the socket's queue even if
 * all of them are errors.
 */
const MOST_IN_BATCH = 64;
const NLMSGERR_ATTR_MSG = 1;
/**
 * Bytes. The kernel's parts of a dump are at most 32 KiB, but the message about a link with many
 * virtual functions may be longer.
 */
const BUFFER_LENGTH = 65536;
/** struct sockaddr_nl: u16 family | u16 padding | u32 port | u32 groups */
const SOCKADDR_LENGTH = 12;
/**
 * A dump is repeated if a table changed meanwhile. The limit is for a table that always changes.
 */
const DUMP_ATTEMPTS = 10;
// How many notifications one `discard` reads at most.
const MOST_DISCARDED = 64;
