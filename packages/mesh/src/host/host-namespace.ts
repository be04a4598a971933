/**
 * `HostNamespace`: the network namespace that a thread was in when this was made, whichever it is in now.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { NetworkNamespace, networkNamespaceId, readSysctl } from '@litz/sys';

export class HostNamespace {
  readonly #namespace: NetworkNamespace = NetworkNamespace.current();

  /** Names it among those of the machine. */
  get inode(): string {
    return this.run(() => String(statSync('/proc/thread-self/ns/net').ino));
  }

  /** Entering the namespace that the thread is in would need a right that nothing else here needs. */
  run<T>(run: () => T): T {
    return networkNamespaceId() === this.#namespace.id ? run() : this.#namespace.run(run);
  }

  /** A parameter under /proc/sys; undefined where there is none. */
  sysctl(name: string): string | undefined {
    try {
      return this.run(() => readSysctl(name));
    } catch {
      // There is no such link, or no such family.
      return undefined;
    }
  }

  close(): void {
    this.#namespace.close();
  }
}
