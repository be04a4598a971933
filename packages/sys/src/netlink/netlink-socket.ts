/**
 * A NETLINK_ROUTE socket: requests with their answers, or notifications of multicast groups.
 *
 * It belongs to the network namespace that the calling thread was in when it was made, and stays
 * there. The kernel answers a request before `sendto` returns, so that waiting for it is no wait.
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

const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const SO_RCVTIMEO = 20;
const ANSWER_TIMEOUT_S = 5;
const NETLINK_LISTEN_ALL_NSID = 8;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
/** Answers of so many messages have room in the socket's queue, whatever is wrong with each of them. */
const MOST_IN_BATCH = 64;
const NLMSGERR_ATTR_MSG = 1;
/** The kernel's dump parts are at most 32 KiB; a link with many virtual functions may be larger. */
const BUFFER_LENGTH = 65536;
/** struct sockaddr_nl: u16 family | u16 padding | u32 port | u32 groups */
const SOCKADDR_LENGTH = 12;
/** A dump is begun anew when a table changed under it; a busy table must not hold us for ever. */
const DUMP_ATTEMPTS = 10;
const MOST_DISCARDED = 64;

export class NetlinkSocket {
  #fd: number;
  #sequence = 0;
  readonly #buffer: Region = allocate(BUFFER_LENGTH);

  /**
   * @param groups `RTMGRP_...` to be notified of; with any, the socket does not block
   * @param protocol NETLINK_...; default: NETLINK_ROUTE
   * @throws {SystemError} no descriptor left
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

  /** -1 once closed. */
  get fd(): number {
    return this.#fd;
  }

  /**
   * Sends one request and reads its answer up to the acknowledgement.
   *
   * @param build makes the message; called again if a dump has to be begun anew
   * @param attempt for the error's text: 'cannot add a route'
   * @returns the messages of the answer, copied
   * @throws {SystemError} the kernel's error, `syscall` is the message's name
   */
  request(build: () => MessageBuilder, attempt: string): NetlinkMessage[] {
    for (let left = DUMP_ATTEMPTS; ; left--) {
      const sequence = (this.#sequence = (this.#sequence + 1) >>> 0);
      const message = build().finish(sequence);
      const type = viewOf(message).getUint16(4, true);
      this.#send(message);
      const answer = this.#receiveAnswer(sequence, MESSAGE_NAMES[type] ?? 'netlink', attempt);
      const interrupted = answer.some(({ flags }) => (flags & NLM_F_DUMP_INTR) !== 0);
      if (!interrupted || left === 1) return answer;
    }
  }

  /**
   * Sends many requests that have no answer but their acknowledgement, a few dozen in one datagram. The
   * kernel does them in order, and goes on after one that fails.
   *
   * @param build makes the message of this number, just before it is sent
   * @returns for each one its error, or undefined
   * @throws {SystemError} nothing could be sent
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
   * A dump of which the kernel gives only what its filter asks for (Linux 4.20); an older one gives all.
   * As `request` otherwise.
   */
  requestStrictly(build: () => MessageBuilder, attempt: string): NetlinkMessage[] {
    this.#checkStrictly(1);
    try {
      return this.request(build, attempt);
    } finally {
      this.#checkStrictly(0);
    }
  }

  /**
   * Notifications that have arrived, copied; never waits if the socket has groups.
   *
   * @returns undefined if the kernel lost some for lack of room: read the state anew
   */
  notifications(): NetlinkMessage[] | undefined {
    const messages: NetlinkMessage[] = [];
    for (;;) {
      const received = this.#receive();
      if (received === 'empty') return messages;
      if (received === 'overflow') return undefined;
      for (const message of received) messages.push(copied(message));
    }
  }

  /**
   * Notifies of other namespaces too, of those that have a number here (NETLINK_LISTEN_ALL_NSID).
   *
   * @throws {SystemError} EPERM without CAP_NET_BROADCAST
   */
  hearOtherNamespaces(): void {
    this.#buffer.view.setUint32(0, 1, true);
    const { address } = this.#buffer;
    check(
      libc().setsockopt(this.#fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, address, 4),
      'setsockopt',
      'cannot hear of other namespaces, which needs CAP_NET_BROADCAST',
    );
  }

  /** Has the kernel keep as few notifications as it can: one or two. The others are lost, and cost nothing. */
  keepFew(): void {
    this.#buffer.view.setUint32(0, 0, true);
    const { address } = this.#buffer;
    check(libc().setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUF, address, 4), 'setsockopt', 'netlink');
  }

  /**
   * Throws away what has arrived, and that some was lost; never waits if the socket has groups.
   *
   * @returns whether there was anything
   */
  discard(): boolean {
    // Somebody may send faster than this reads.
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
    // Both only make errors say more; an older kernel does without.
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) {
      libc().setsockopt(this.#fd, SOL_NETLINK, option, this.#buffer.address, 4);
    }
    // struct timeval. Nothing should ever wait; if it did, an error is better than a hang.
    this.#buffer.bytes.fill(0, 0, 16);
    this.#buffer.view.setUint32(0, ANSWER_TIMEOUT_S, true);
    libc().setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, this.#buffer.address, 16);
    this.#buffer.bytes.fill(0, 0, SOCKADDR_LENGTH);
    this.#buffer.view.setUint16(0, AF_NETLINK, true);
    this.#buffer.view.setUint32(8, groups, true);
    check(libc().bind(this.#fd, this.#buffer.address, SOCKADDR_LENGTH), 'bind', 'netlink');
  }

  #send(message: Uint8Array): void {
    // The kernel is the destination of a netlink socket that is not connected.
    this.#buffer.bytes.set(message);
    for (;;) {
      if (libc().send(this.#fd, this.#buffer.address, message.length, 0) >= 0) return;
      const errno = libc().errno();
      if (errno !== EINTR) throw new SystemError('send', errno, 'netlink');
    }
  }

  #receiveAnswer(sequence: number, name: string, attempt: string): NetlinkMessage[] {
    const answer: NetlinkMessage[] = [];
    for (;;) {
      const received = this.#receive();
      if (received === 'empty') throw new SystemError(name, EAGAIN, attempt);
      if (received === 'overflow') throw new SystemError(name, ENOBUFS, attempt);
      for (const message of received) {
        if (message.sequence !== sequence) continue; // the rest of an answer that was given up
        // An error of 0 is the acknowledgement; a dump ends with NLMSG_DONE instead.
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          const failure = failureIn(message, name, attempt);
          if (failure) throw failure;
          return answer;
        }
        answer.push(copied(message));
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
 * struct nlmsgerr: i32 -errno | the request's header (16), then the rest of the request unless it was
 * capped, then attributes. NLMSG_DONE: i32 -errno | attributes.
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

function copied(message: NetlinkMessage): NetlinkMessage {
  return { ...message, payload: message.payload.slice() };
}
