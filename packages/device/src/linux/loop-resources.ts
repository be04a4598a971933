/**
 * `LoopResources`: the resources of a packet loop. They are closed in the reverse order of opening,
 * and their descriptors are recorded in the shared memory, so that the main thread can close them
 * if the loop's thread dies.
 *
 * @module
 */
import { Closers } from './closers.ts';
import type { ThreadControl } from './thread-control.ts';

/** The resources of one packet loop. `close` closes all of them. */
export class LoopResources {
  readonly #control: Pick<ThreadControl, 'recordDescriptor' | 'forgetDescriptor'>;
  readonly #closers: Closers = new Closers();

  constructor(control: Pick<ThreadControl, 'recordDescriptor' | 'forgetDescriptor'>) {
    this.#control = control;
  }

  /** Takes over a resource whose descriptors, if it has any, are not recorded. Returns it. */
  keep<T extends { close(): void }>(resource: T): T {
    this.#closers.add(() => resource.close());
    return resource;
  }

  /**
   * Takes over a resource and records its descriptors. Returns it.
   *
   * @throws {RangeError} as `ThreadControl.recordDescriptor` does; even then, `close` closes the
   *   resource
   */
  keepDescriptors<T extends Descriptors & { close(): void }>(resource: T): T {
    const { fds = [resource.fd] } = resource;
    this.#closers.add(() => {
      for (const fd of fds) this.#control.forgetDescriptor(fd);
      resource.close();
    });
    for (const fd of fds) this.#control.recordDescriptor(fd);
    return resource;
  }

  /**
   * Closes all resources. If one cannot be closed, the others are closed all the same.
   *
   * @throws the first error
   */
  close(): void {
    const errors = this.#closers.close();
    if (errors.length > 0) throw errors[0];
  }
}

interface Descriptors {
  readonly fd: number;
  /**
   * All descriptors of the resource. Default: only `fd`. They stay the same while the resource is
   * open.
   */
  readonly fds?: readonly number[];
}
