/**
 * What happens to the interface of a TUN device: up, down, MTU, name, deletion, also after somebody
 * moved it into another network namespace.
 *
 * rtnetlink tells only of the namespace that its socket was made in, and there a move looks like a
 * deletion. The TUN descriptor knows better (TUNGETIFF, TUNGETDEVNETNS). A socket made where the
 * interface went would tell all, and would keep that namespace and everything in it alive when its
 * owner deletes it. So it is watched from here (`MovedLink`). Where that is not permitted, it is looked
 * at once a second, if need be by the descriptor alone: the name, and POLLOUT, which drivers/net/tun.c
 * reports only while the interface is up. (The older trick, a write of zero bytes that fails with EIO
 * or EINVAL, tells nothing any more on Linux 6.)
 *
 * @module
 */
import {
  checkDescriptor,
  checkObject,
  libc,
  LinkMonitor,
  linux,
  MovedLink,
  networkNamespaceId,
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
const NONE = -1;

/** Wait for `fd` to be readable, then `read`. */
export class TunMonitor {
  readonly #tun: Pick<TunDevice, 'fd' | 'interfaceIndex'>;
  readonly #wakes: DescriptorSet;
  /** While the interface is in the namespace of this thread. */
  #link: LinkMonitor | undefined;
  /** While it is in another one. */
  #moved: MovedLink | undefined = undefined;
  /** Ticks while nothing else tells. */
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

  /**
   * What changed since the last call, oldest first; never blocks. Nothing follows `gone`. To be called
   * by the thread that made this, in the same namespace.
   */
  read(): LinkChange[] {
    if (this.#isGone) return [];
    if (!this.#link) return this.#isTold() ? this.#check() : [];
    const changes: LinkChange[] = [];
    for (const change of this.#link.read()) {
      if (change.type === 'gone') return [...changes, ...this.#left()];
      changes.push(change);
    }
    this.#told = this.#link.link;
    return changes;
  }

  close(): void {
    this.#unfollow();
    this.#wakes.close();
  }

  /** Deleted, or only moved? */
  #left(): LinkChange[] {
    if (this.#link) this.#told = this.#link.link;
    this.#unfollow();
    return this.#check();
  }

  /** Whether there may be news of an interface elsewhere. */
  #isTold(): boolean {
    const isTime = this.#timer?.clear() === true;
    return this.#moved?.clear() === true || isTime;
  }

  #check(): LinkChange[] {
    const name = interfaceNameOf(this.#tun.fd);
    if (name === undefined) return this.#gone();
    const link = this.#follow(name);
    const isHeard = link !== undefined && (this.#link ?? this.#moved)?.fd !== NONE;
    if (isHeard) this.#stopTimer();
    else this.#startTimer();
    return this.#tell(link ?? { name, mtu: this.#told.mtu, up: isWritable(this.#tun.fd) });
  }

  /** What is heard from now on is younger than what this returns; undefined: it is not permitted. */
  #follow(name: string): Link | undefined {
    let namespace: NetworkNamespace | undefined;
    try {
      namespace = namespaceOf(this.#tun.fd);
      if (namespace.id === networkNamespaceId()) return this.#followHome(name);
      if (!this.#moved) {
        this.#moved = new MovedLink();
        if (this.#moved.fd !== NONE) this.#wakes.add(this.#moved.fd);
      }
      return this.#moved.look(namespace, name);
    } catch (error) {
      // Not permitted, too old a kernel, or it moved on or is about to end: the timer asks again.
      if (error instanceof SystemError) return undefined;
      throw error;
    } finally {
      namespace?.close();
    }
  }

  #followHome(name: string): Link {
    const monitor = new LinkMonitor(indexOf(name));
    this.#unfollow();
    this.#link = monitor;
    this.#wakes.add(monitor.fd);
    return monitor.link;
  }

  #unfollow(): void {
    this.#link?.close();
    this.#link = undefined;
    this.#moved?.close();
    this.#moved = undefined;
    this.#stopTimer();
  }

  #startTimer(): void {
    if (this.#timer) return;
    this.#timer = new IntervalTimer(CHECK_INTERVAL_S);
    this.#wakes.add(this.#timer.fd);
  }

  #stopTimer(): void {
    this.#timer?.close();
    this.#timer = undefined;
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
    this.#unfollow();
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
