/**
 * Several descriptors behind one, by epoll(7): whoever polls that one need not know that those behind
 * it come and go.
 *
 * ```
 * struct epoll_event: u32 events, then data that is not used here
 * ```
 *
 * @module
 */
import { allocate, check, libc, linux, type Region } from '@litz/sys';

const EPOLL_CTL_ADD = 1;
/** sys/epoll.h; the same number as poll's. */
const EPOLLIN = 0x01;
/** 16 bytes where it is not packed as on x64. */
const EVENT_LENGTH = 16;

/** Readable while one of its members is. */
export class DescriptorSet {
  #fd: number;
  readonly #event: Region = allocate(EVENT_LENGTH);

  /** @throws {SystemError} no descriptor left */
  constructor() {
    this.#fd = check(libc().epoll_create1(linux.O_CLOEXEC), 'epoll_create1');
    this.#event.view.setUint32(0, EPOLLIN, true);
  }

  /** -1 once closed. */
  get fd(): number {
    return this.#fd;
  }

  /** A member leaves when its descriptor is closed. */
  add(fd: number): void {
    check(libc().epoll_ctl(this.#fd, EPOLL_CTL_ADD, fd, this.#event.address), 'epoll_ctl');
  }

  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }
}
