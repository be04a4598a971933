/**
 * `NetworkNamespace`: a network namespace that a single thread can enter.
 *
 * A thread's sockets, TUN devices and child processes belong to the namespace that the thread is in
 * when it makes them, and stay there. The threads of libuv's pool are other threads: DNS look-ups
 * and asynchronous file access stay in the namespace of the process.
 *
 * @module
 */
import { readlinkSync } from 'node:fs';
import { checkFunction, checkString } from './arguments.ts';
import { CLONE_NEWNET, O_CLOEXEC, O_RDONLY } from './constants.ts';
import { libc } from './libc.ts';
import { Netlink } from './netlink/netlink.ts';
import { check, SystemError } from './system-error.ts';

/**
 * An open descriptor of a namespace. A namespace exists while a descriptor is open or something is
 * inside it.
 *
 * @example
 *
 * ```ts
 * // As root, on Linux.
 * import { Netlink, NetworkNamespace } from '@litz/sys';
 *
 * const namespace = NetworkNamespace.create();
 * const netlink = namespace.run(() => new Netlink()); // works in the namespace from now on
 * console.log(netlink.links().map(({ name }) => name)); // [ 'lo' ]
 * netlink.close();
 * namespace.close();
 * ```
 */
export class NetworkNamespace {
  #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Makes a new, empty namespace, and sets its loopback link up. The calling thread stays in its
   * namespace.
   *
   * @throws {SystemError} EPERM: no CAP_SYS_ADMIN
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

  /** Returns the namespace that the calling thread is in. */
  static current(): NetworkNamespace {
    return NetworkNamespace.open(CURRENT);
  }

  /** Opens a namespace by its path: `/var/run/netns/NAME`, `/proc/PID/ns/net`. */
  static open(path: string): NetworkNamespace {
    checkString('path', path);
    const fd = libc().open(path, O_RDONLY | O_CLOEXEC, 0);
    return new NetworkNamespace(check(fd, 'open', `cannot open ${path}`));
  }

  /** -1 after `close`. */
  get fd(): number {
    return this.#fd;
  }

  /**
   * A text that no other existing namespace has, in the form of `networkNamespaceId`.
   *
   * @returns undefined if the text cannot be read from /proc
   */
  get id(): string | undefined {
    return namespaceId(`/proc/self/fd/${this.#fd}`);
  }

  /** A path that other processes can open while this object is open: `nsenter --net=PATH`. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  /**
   * Runs `run` with the calling thread inside the namespace, and leaves the namespace afterwards,
   * also after an error. Only the synchronous part runs inside: code after an `await` runs outside
   * again. Sockets that were made inside stay inside.
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

  /** Moves the calling thread into the namespace for good. */
  enter(): void {
    check(
      libc().setns(this.#fd, CLONE_NEWNET),
      'setns',
      'cannot enter a network namespace, which needs CAP_SYS_ADMIN',
    );
  }

  /** Closes the descriptor. The namespace ends when nothing uses it any more. */
  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }
}

/**
 * Returns a text that distinguishes the calling thread's namespace from all other existing ones:
 * `net:[4026531840]`.
 *
 * @returns undefined if the text cannot be read from /proc
 */
export function networkNamespaceId(): string | undefined {
  return namespaceId(CURRENT);
}

/** Whether this process may make network namespaces. Finds out by making one. */
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

/** `/proc/self` belongs to the main thread. This path belongs to the calling thread. */
const CURRENT = '/proc/thread-self/ns/net';
