/**
 * `RouteWatch`: marks the sticky sources of all peers as suspect when routes change.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import type * as Sys from '@litz/sys';
import type * as Udp from '@litz/udp';
import type { DataPlane } from '../plane/data-plane.ts';
import type { LinuxPackages } from './linux-packages.ts';

/**
 * Watches the routes of the calling thread's network namespace.
 *
 * A router can change tens of thousands of routes per second, and a server can have tens of
 * thousands of peers. So all changes within one second count as one change, endpoints are marked in
 * slices, and the route to an endpoint is looked up only when something is sent there
 * (`SuspectSources`).
 */
export class RouteWatch {
  /**
   * The suspect sources. The caller gives this object to the sockets, and calls its `endTurn` after
   * each turn of the loop.
   */
  readonly suspects: Udp.SuspectSources;
  readonly #plane: Pick<DataPlane, 'endpoints'>;
  readonly #monitor: Sys.RouteMonitor;
  /** When the reported changes must be handled; Infinity: no change was reported. */
  #changeDue: number = Infinity;
  #suspectedAt = -Infinity;
  /** The endpoints that must still be marked after the last change. */
  #unmarked: Iterator<Endpoint> | undefined = undefined;

  /**
   * @param netlink a socket in the namespace of the calling thread, open for as long as this object
   *   is in use
   */
  constructor(
    packages: Pick<LinuxPackages, 'sys' | 'udp'>,
    netlink: Sys.Netlink,
    plane: Pick<DataPlane, 'endpoints'>,
  ) {
    this.#plane = plane;
    this.suspects = new packages.udp.SuspectSources(netlink);
    this.#monitor = new packages.sys.RouteMonitor();
  }

  /** The descriptor to poll for POLLIN unless `isMuted`. When it is ready, call `recordChange`. */
  get fd(): number {
    return this.#monitor.fd;
  }

  /** Whether a change waits to be handled. While it waits, more changes make no difference. */
  get isMuted(): boolean {
    return this.#changeDue !== Infinity;
  }

  /** When `markSuspects` must be called, in ms of the clock; Infinity: not needed. */
  get due(): number {
    return this.#unmarked ? -Infinity : this.#changeDue;
  }

  /** Must be called when the descriptor is ready: routes have changed. */
  recordChange(): void {
    if (!this.isMuted) this.#changeDue = this.#suspectedAt + INTERVAL_MS;
  }

  /** Marks the next `SLICE` endpoints as suspect. `due` says when to call this method again. */
  markSuspects(now: number): void {
    if (now >= this.#changeDue) {
      this.#changeDue = Infinity;
      this.#suspectedAt = now;
      // The monitor is cleared before any look-up. So a change of routes from here on counts as a
      // new change.
      this.#monitor.clear();
      this.suspects.clear();
      this.#unmarked = this.#plane.endpoints();
    }
    for (let left = SLICE; this.#unmarked && left > 0; left--) {
      const { value, done } = this.#unmarked.next();
      if (done === true) this.#unmarked = undefined;
      else this.suspects.add(value);
    }
  }

  close(): void {
    this.#monitor.close();
  }
}

// The shortest time between two changes that are handled, in ms.
const INTERVAL_MS = 1000;
/** How many endpoints are marked per call. That takes about 0.1 ms. */
const SLICE = 1024;
