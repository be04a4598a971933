/**
 * `RouteWatch`: when routes change, has a data plane forget the sticky sources that they no longer suit.
 *
 * @module
 */
import type * as Sys from '@litz/sys';
import type { DataPlane } from '../plane/data-plane.ts';
import type { LinuxPackages } from './linux-packages.ts';

export class RouteWatch {
  /** When `check` is to be called; Infinity: nothing has changed. */
  due: number = Infinity;
  readonly #packages: LinuxPackages;
  readonly #netlink: Sys.Netlink;
  readonly #plane: DataPlane;
  readonly #monitor: Sys.RouteMonitor;
  #checkedAt = -Infinity;

  /** @param netlink in the namespace of the calling thread, and open for as long as this is */
  constructor(packages: LinuxPackages, netlink: Sys.Netlink, plane: DataPlane) {
    this.#packages = packages;
    this.#netlink = netlink;
    this.#plane = plane;
    this.#monitor = new packages.sys.RouteMonitor();
  }

  /** To poll for POLLIN, and then `read`. */
  get fd(): number {
    return this.#monitor.fd;
  }

  /** The look-ups cost a system call per peer: not for each of many changes. */
  read(): void {
    if (this.#monitor.read().length === 0 || this.due !== Infinity) return;
    this.due = this.#checkedAt + CHECK_INTERVAL_MS;
  }

  check(now: number): void {
    this.due = Infinity;
    this.#checkedAt = now;
    const { staleSources } = this.#packages.udp;
    const { mark } = this.#plane;
    this.#plane.forgetSources(
      (endpoint) => staleSources([endpoint], this.#netlink, mark).length > 0,
    );
  }

  close(): void {
    this.#monitor.close();
  }
}

/** Look-ups after changes of routes, at most one round in so long. */
const CHECK_INTERVAL_MS = 1000;
