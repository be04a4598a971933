/**
 * `TunMonitor`: reports what happens to the interface of a TUN device: up, down, MTU, name,
 * deletion. It continues after the interface was moved to another network namespace.
 *
 * rtnetlink only reports on the namespace that its socket was made in, and there a move looks like
 * a deletion. The TUN descriptor knows more (TUNGETIFF, TUNGETDEVNETNS). A socket in the new
 * namespace would report everything, but it would keep the new namespace alive after the owner of
 * that namespace deletes it. So the interface is watched from the old namespace (`MovedLink`).
 * Where that is not permitted, the interface is checked once per second. If necessary the check
 * uses only the TUN descriptor: the name of the interface, and POLLOUT, which drivers/net/tun.c
 * reports only while the interface is up. (A write of zero bytes, which fails with EIO or EINVAL,
 * does not tell on Linux 6 whether the interface is up.)
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

/** A monitor of one interface. Wait until `fd` is readable, then call `read`. */
export class TunMonitor {
  readonly #tun: Pick<TunDevice, 'fd' | 'interfaceIndex'>;
  readonly #descriptors: DescriptorSet;
  /** Set while the interface is in the namespace of this thread. */
  #link: LinkMonitor | undefined;
  /** Set while the interface is in another namespace. */
  #moved: MovedLink | undefined = undefined;
  /**
   * Set while the kernel reports no changes of the interface, so that it must be checked at
   * intervals.
   */
  #timer: IntervalTimer | undefined = undefined;
  /** The name, MTU and state of the link that were reported last. */
  #reported: ReportedLink;
  #isGone = false;

  /**
   * Makes a monitor in the namespace of the calling thread. The interface must be in the same
   * namespace.
   *
   * @throws {SystemError} ENODEV: the interface is gone
   */
  constructor(tun: Pick<TunDevice, 'fd' | 'interfaceIndex'>) {
    checkObject('tun', tun);
    checkDescriptor('tun.fd', tun.fd);
    this.#tun = tun;
    this.#link = new LinkMonitor(tun.interfaceIndex);
    this.#reported = this.#link.link;
    this.#descriptors = new DescriptorSet();
    this.#descriptors.add(this.#link.fd);
  }

  /** Readable when there may be changes to `read`. The same descriptor until `close`, then -1. */
  get fd(): number {
    return this.#descriptors.fd;
  }

  /**
   * Returns the changes since the last call, oldest first. Never blocks. After `gone` there are no
   * more changes. Must be called by the thread that made the monitor, in the same namespace.
   */
  read(): LinkChange[] {
    if (this.#isGone) return [];
    if (!this.#link) return this.#mayHaveChanged() ? this.#check() : [];
    const changes: LinkChange[] = [];
    for (const change of this.#link.read()) {
      if (change.type === 'gone') return [...changes, ...this.#checkAfterLeaving()];
      changes.push(change);
    }
    this.#reported = this.#link.link;
    return changes;
  }

  close(): void {
    this.#unwatch();
    this.#descriptors.close();
  }

  /** Finds out whether the interface was deleted or only moved. */
  #checkAfterLeaving(): LinkChange[] {
    if (this.#link) this.#reported = this.#link.link;
    this.#unwatch();
    return this.#check();
  }

  /** Whether there may be changes of an interface in another namespace. */
  #mayHaveChanged(): boolean {
    const isTime = this.#timer?.clear() === true;
    return this.#moved?.clear() === true || isTime;
  }

  #check(): LinkChange[] {
    const name = interfaceNameOf(this.#tun.fd);
    if (name === undefined) return this.#reportGone();
    const link = this.#watch(name);
    const isNotified = link !== undefined && (this.#link ?? this.#moved)?.fd !== NONE;
    if (isNotified) this.#stopTimer();
    else this.#startTimer();
    return this.#report(link ?? { name, mtu: this.#reported.mtu, up: isWritable(this.#tun.fd) });
  }

  /**
   * Returns the current state of the interface, and watches it for later changes. Returns undefined
   * if that is not possible.
   */
  #watch(name: string): Link | undefined {
    let namespace: NetworkNamespace | undefined;
    try {
      namespace = namespaceOf(this.#tun.fd);
      if (namespace.id === networkNamespaceId()) return this.#watchHere(name);
      if (!this.#moved) {
        this.#moved = new MovedLink();
        if (this.#moved.fd !== NONE) this.#descriptors.add(this.#moved.fd);
      }
      return this.#moved.look(namespace, name);
    } catch (error) {
      // It is not permitted, the kernel is too old, or the interface was moved again or is being
      // deleted. When the timer ends, this is tried again.
      if (error instanceof SystemError) return undefined;
      throw error;
    } finally {
      namespace?.close();
    }
  }

  #watchHere(name: string): Link {
    const monitor = new LinkMonitor(indexOf(name));
    this.#unwatch();
    this.#link = monitor;
    this.#descriptors.add(monitor.fd);
    return monitor.link;
  }

  #unwatch(): void {
    this.#link?.close();
    this.#link = undefined;
    this.#moved?.close();
    this.#moved = undefined;
    this.#stopTimer();
  }

  #startTimer(): void {
    if (this.#timer) return;
    this.#timer = new IntervalTimer(CHECK_INTERVAL_S);
    this.#descriptors.add(this.#timer.fd);
  }

  #stopTimer(): void {
    this.#timer?.close();
    this.#timer = undefined;
  }

  #report({ name, mtu, up }: ReportedLink): LinkChange[] {
    const reported = this.#reported;
    this.#reported = { name, mtu, up };
    const changes: LinkChange[] = [];
    if (name !== reported.name) changes.push({ type: 'renamed', name });
    if (mtu !== reported.mtu) changes.push({ type: 'mtu', mtu });
    if (up !== reported.up) changes.push({ type: up ? 'up' : 'down' });
    return changes;
  }

  #reportGone(): LinkChange[] {
    this.#isGone = true;
    this.#unwatch();
    return [{ type: 'gone' }];
  }
}

type ReportedLink = Pick<Link, 'name' | 'mtu' | 'up'>;

function indexOf(name: string): number {
  const index = libc().if_nametoindex(name);
  if (index > 0) return index;
  throw new SystemError('if_nametoindex', linux.ENODEV, `cannot find ${name}`);
}

/**
 * Whether the interface is up. The queue of a TUN is never full, so the descriptor is writable
 * exactly while the interface is up.
 */
function isWritable(fd: number): boolean {
  const polled = new PollSet();
  const index = polled.add(fd, linux.POLLOUT);
  polled.wait(0);
  return (polled.ready(index) & linux.POLLOUT) !== 0;
}

const CHECK_INTERVAL_S = 1;
const NONE = -1;
