/**
 * `HostNamespace`: the network namespace that the thread was in when the object was made. The
 * thread may be in another namespace later.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { NetworkNamespace, networkNamespaceId, readSysctl } from '@litz/sys';

export class HostNamespace {
  readonly #namespace: NetworkNamespace = NetworkNamespace.current();

  /** Inode number of the namespace. It is different for each network namespace of the machine. */
  get inode(): string {
    return this.run(() => String(statSync('/proc/thread-self/ns/net').ino));
  }

  /**
   * Runs the function in the namespace. A thread that is already in the namespace does not enter it
   * again, because entering needs CAP_SYS_ADMIN. The agent needs this capability for nothing else.
   */
  run<T>(run: () => T): T {
    return networkNamespaceId() === this.#namespace.id ? run() : this.#namespace.run(run);
  }

  /** Reads a parameter under /proc/sys; undefined if it does not exist. */
  sysctl(name: string): string | undefined {
    try {
      return this.run(() => readSysctl(name));
    } catch {
      // The link does not exist, or the kernel has no such address family.
      return undefined;
    }
  }

  close(): void {
    this.#namespace.close();
  }
}
