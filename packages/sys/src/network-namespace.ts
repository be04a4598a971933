/**
 * Network namespaces, entered by one thread and not by the others.
 *
 * A thread's sockets, TUN devices and child processes belong to the namespace it is in when it makes
 * them, and stay there. libuv's pool threads are other threads: DNS look-ups and asynchronous file
 * access remain where the process started.
 *
 * @module
 */
import { readlinkSync } from 'node:fs';
import { checkFunction, checkString } from './arguments.ts';
import { CLONE_NEWNET, O_CLOEXEC, O_RDONLY } from './constants.ts';
import { libc } from './libc.ts';
import { Netlink } from './netlink/netlink.ts';
import { check, SystemError } from './system-error.ts';

/** `/proc/self` is the main thread's; only this one is the calling thread's own. */
const CURRENT = '/proc/thread-self/ns/net';

/** An open descriptor of a namespace: it lives while one is open or something is inside. */
export class NetworkNamespace {
  #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * A new, empty namespace with its loopback link up. The calling thread stays where it is.
   *
   * @throws {SystemError} EPERM without CAP_SYS_ADMIN
   */
  static create(): NetworkNamespace {
    const previous = NetworkNamespace.current();
    try {
      check(
        libc().unshare(CLONE_NEWNET),
        'unshare',
        'cannot make a network namespace, which needs CAP_SYS_ADMIN',
      );
      try {
        const created = NetworkNamespace.current();
        bringLoopbackUp();
        return created;
      } finally {
        previous.enter();
      }
    } finally {
      previous.close();
    }
  }

  /** The one the calling thread is in. */
  static current(): NetworkNamespace {
    return NetworkNamespace.open(CURRENT);
  }

  /** By path: `/var/run/netns/NAME`, `/proc/PID/ns/net`. */
  static open(path: string): NetworkNamespace {
    checkString('path', path);
    const fd = libc().open(path, O_RDONLY | O_CLOEXEC, 0);
    return new NetworkNamespace(check(fd, 'open', `cannot open ${path}`));
  }

  /** -1 once closed. */
  get fd(): number {
    return this.#fd;
  }

  /**
   * What tells it from all others that there are now, as `networkNamespaceId` does.
   *
   * @returns undefined where /proc does not tell
   */
  get id(): string | undefined {
    return namespaceId(`/proc/self/fd/${this.#fd}`);
  }

  /** A path by which other processes can open it while this object is open: `nsenter --net=PATH`. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  /**
   * Runs `run` with the calling thread inside, and goes back also if it throws. Only its synchronous
   * part: what is awaited runs outside again, though sockets that were made inside stay inside.
   */
  run<T>(run: () => T): T {
    checkFunction('run', run);
    const previous = NetworkNamespace.current();
    try {
      this.enter();
      try {
        return run();
      } finally {
        previous.enter();
      }
    } finally {
      previous.close();
    }
  }

  /** Moves the calling thread in for good. */
  enter(): void {
    check(
      libc().setns(this.#fd, CLONE_NEWNET),
      'setns',
      'cannot enter a network namespace, which needs CAP_SYS_ADMIN',
    );
  }

  /** The namespace itself ends when nothing is inside any more. */
  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }
}

/**
 * What tells the calling thread's namespace from all others that there are now: `net:[4026531840]`.
 *
 * @returns undefined where /proc does not tell
 */
export function networkNamespaceId(): string | undefined {
  return namespaceId(CURRENT);
}

/** Whether this process may make network namespaces; found out by making one. */
export function hasNamespacePrivilege(): boolean {
  try {
    NetworkNamespace.create().close();
    return true;
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}

function namespaceId(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function bringLoopbackUp(): void {
  const netlink = new Netlink();
  try {
    const loopback = netlink.linkByName('lo');
    if (loopback) netlink.setLink(loopback.index, { up: true });
  } finally {
    netlink.close();
  }
}
