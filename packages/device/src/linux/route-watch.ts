/**
 * `RouteWatch`: when routes change, makes the sticky sources of all peers suspects.
 *
 * @module
 */
import type { Endpoint } from '@litz/core';
import type * as Sys from '@litz/sys';
import type * as Udp from '@litz/udp';
import type { DataPlane } from '../plane/data-plane.ts';
import type { LinuxPackages } from './linux-packages.ts';

/**
 * A router changes tens of thousands of routes a second, and a server has tens of thousands of peers.
 * So the changes of one second are one, to name the suspects is done in slices, and a route is looked
 * up only when something is sent there (`SuspectSources`).
 */
export class RouteWatch {
  /** To be given to the sockets, and told of the end of each turn. */
  readonly suspects: Udp.SuspectSources;
  readonly #plane: Pick<DataPlane, 'endpoints'>;
  readonly #monitor: Sys.RouteMonitor;
  /** When the change is acted on that was heard of; Infinity: none was. */
  #changeDue: number = Infinity;
  #suspectedAt = -Infinity;
  /** Endpoints that are not suspects yet, after the last change. */
  #unnamed: Iterator<Endpoint> | undefined = undefined;

  /** @param netlink in the namespace of the calling thread, and open for as long as this is */
  constructor(packages: LinuxPackages, netlink: Sys.Netlink, plane: Pick<DataPlane, 'endpoints'>) {
    this.#plane = plane;
    this.suspects = new packages.udp.SuspectSources(netlink);
    this.#monitor = new packages.sys.RouteMonitor();
  }

  /** To poll for POLLIN unless `isMuted`, and then to call `changed`. */
  get fd(): number {
    return this.#monitor.fd;
  }

  /** A change was heard of and not acted on: what else changes until then is the same to us. */
  get isMuted(): boolean {
    return this.#changeDue !== Infinity;
  }

  /** When `suspect` is to be called; Infinity: there is no need. */
  get due(): number {
    return this.#unnamed ? -Infinity : this.#changeDue;
  }

  changed(): void {
    if (!this.isMuted) this.#changeDue = this.#suspectedAt + INTERVAL_MS;
  }

  /** Names some of the suspects; `due` says when to go on. */
  suspect(now: number): void {
    if (now >= this.#changeDue) {
      this.#changeDue = Infinity;
      this.#suspectedAt = now;
      // Before any look-up: what changes from here on is another change.
      this.#monitor.clear();
      this.suspects.clear();
      this.#unnamed = this.#plane.endpoints();
    }
    for (let left = SLICE; this.#unnamed && left > 0; left--) {
      const { value, done } = this.#unnamed.next();
      if (done === true) this.#unnamed = undefined;
      else this.suspects.add(value);
    }
  }

  close(): void {
    this.#monitor.close();
  }
}

const INTERVAL_MS = 1000;
/** About 0.1 ms. */
const SLICE = 1024;
