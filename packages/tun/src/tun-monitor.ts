/**
 * What happens to the interface of a TUN device: up, down, MTU, name, deletion, also after somebody
 * moved it into another network namespace.
 *
 * rtnetlink tells only of the namespace that its socket was made in, and there a move looks like a
 * deletion. The TUN descriptor knows better (TUNGETIFF, TUNGETDEVNETNS), so a new socket is made where
 * the interface went. Where that is not permitted, the descriptor itself is asked once a second: the
 * name, and POLLOUT, which drivers/net/tun.c reports only while the interface is up. (The older trick,
 * a write of zero bytes that fails with EIO or EINVAL, tells nothing any more on Linux 6.)
 *
 * @module
 */
import {
  checkDescriptor,
  checkObject,
  libc,
  LinkMonitor,
  linux,
  PollSet,
  SystemError,
  type Link,
  type LinkChange,
  type NetworkNamespace,
} from '@litz/sys';
import { DescriptorSet } from './descriptor-set.ts';
import { IntervalTimer } from './interval-timer.ts';
import type { TunDevice } from './tun-device.ts';
import { interfaceNameOf, namespaceOf } from './tun-ioctl.ts';

const CHECK_INTERVAL_S = 1;

/** Wait for `fd` to be readable, then `read`. */
export class TunMonitor {
  readonly #tun: Pick<TunDevice, 'fd' | 'interfaceIndex'>;
  readonly #wakes: DescriptorSet;
  /** In the namespace of the interface; undefined where we may not be. */
  #link: LinkMonitor | undefined;
  /** Ticks while there is no `#link`. */
  #timer: IntervalTimer | undefined = undefined;
  /** As it was told last. */
  #told: Told;
  #isGone = false;

  /**
   * In the namespace that the calling thread and the interface are in.
   *
   * @throws {SystemError} ENODEV: it is gone already
   */
  constructor(tun: Pick<TunDevice, 'fd' | 'interfaceIndex'>) {
    checkObject('tun', tun);
    checkDescriptor('tun.fd', tun.fd);
    this.#tun = tun;
    this.#link = new LinkMonitor(tun.interfaceIndex);
    this.#told = this.#link.link;
    this.#wakes = new DescriptorSet();
    this.#wakes.add(this.#link.fd);
  }

  /** Readable when there is something to `read`; stays the same until `close`, then -1. */
  get fd(): number {
    return this.#wakes.fd;
  }

  /** What changed since the last call, oldest first; never blocks. Nothing follows `gone`. */
  read(): LinkChange[] {
    if (this.#isGone) return [];
    if (!this.#link) return this.#check();
    const changes: LinkChange[] = [];
    for (const change of this.#link.read()) {
      if (change.type === 'gone') return [...changes, ...this.#left()];
      changes.push(change);
    }
    this.#told = this.#link.link;
    return changes;
  }

  close(): void {
    this.#link?.close();
    this.#link = undefined;
    this.#timer?.close();
    this.#wakes.close();
  }

  /** Deleted, or only moved? */
  #left(): LinkChange[] {
    if (this.#link) this.#told = this.#link.link;
    this.#link?.close();
    this.#link = undefined;
    if (!this.#timer) {
      this.#timer = new IntervalTimer(CHECK_INTERVAL_S);
      this.#wakes.add(this.#timer.fd);
    }
    return this.#check();
  }

  #check(): LinkChange[] {
    this.#timer?.clear();
    const name = interfaceNameOf(this.#tun.fd);
    if (name === undefined) return this.#gone();
    this.#link = this.#follow(name);
    if (this.#link) {
      this.#wakes.add(this.#link.fd);
      this.#timer?.close();
      this.#timer = undefined;
    }
    const { mtu } = this.#told;
    return this.#tell(this.#link?.link ?? { name, mtu, up: isWritable(this.#tun.fd) });
  }

  #follow(name: string): LinkMonitor | undefined {
    let namespace: NetworkNamespace | undefined;
    try {
      namespace = namespaceOf(this.#tun.fd);
      return namespace.run(() => new LinkMonitor(indexOf(name)));
    } catch (error) {
      // Not permitted, too old a kernel, or it moved on: the timer asks again.
      if (error instanceof SystemError) return undefined;
      throw error;
    } finally {
      namespace?.close();
    }
  }

  #tell({ name, mtu, up }: Told): LinkChange[] {
    const told = this.#told;
    this.#told = { name, mtu, up };
    const changes: LinkChange[] = [];
    if (name !== told.name) changes.push({ type: 'renamed', name });
    if (mtu !== told.mtu) changes.push({ type: 'mtu', mtu });
    if (up !== told.up) changes.push({ type: up ? 'up' : 'down' });
    return changes;
  }

  #gone(): LinkChange[] {
    this.#isGone = true;
    this.#timer?.close();
    this.#timer = undefined;
    return [{ type: 'gone' }];
  }
}

type Told = Pick<Link, 'name' | 'mtu' | 'up'>;

function indexOf(name: string): number {
  const index = libc().if_nametoindex(name);
  if (index > 0) return index;
  throw new SystemError('if_nametoindex', linux.ENODEV, `cannot find ${name}`);
}

/** Never full, so: up. */
function isWritable(fd: number): boolean {
  const polled = new PollSet();
  const index = polled.add(fd, linux.POLLOUT);
  polled.wait(0);
  return (polled.ready(index) & linux.POLLOUT) !== 0;
}
