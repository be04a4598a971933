/**
 * `DescriptorSet`: combines several descriptors into one, with epoll(7). That descriptor is
 * readable while any of its members is readable. Members can be added and closed without a change
 * to the code that polls.
 *
 * ```
 * struct epoll_event: u32 events, then data that is not used here
 * ```
 *
 * @module
 */
import { allocate, check, libc, linux, type Region } from '@litz/sys';

/** A set that is readable while one of its members is readable. */
export class DescriptorSet {
  #fd: number;
  readonly #event: Region = allocate(EVENT_LENGTH);

  /** @throws {SystemError} the process has reached its limit of open descriptors */
  constructor() {
    this.#fd = check(libc().epoll_create1(linux.O_CLOEXEC), 'epoll_create1');
    this.#event.view.setUint32(0, EPOLLIN, true);
  }

  /** The descriptor to poll; -1 after `close`. */
  get fd(): number {
    return this.#fd;
  }

  /** Adds a member. It leaves the set when its descriptor is closed. */
  add(fd: number): void {
    check(libc().epoll_ctl(this.#fd, EPOLL_CTL_ADD, fd, this.#event.address), 'epoll_ctl');
  }

  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }
}

const EPOLL_CTL_ADD = 1;
/** From sys/epoll.h; equal to POLLIN. */
const EPOLLIN = 0x01;
/** Bytes of a struct epoll_event on arm64. On x64 it is packed, and so it is shorter. */
const EVENT_LENGTH = 16;
