/**
 * `LooseFilters`: records the reverse path filters (`rp_filter`) that tunnels have made loose, and
 * the earlier values of these filters.
 *
 * ```
 *   FOLDER/rp_filter/NAMESPACE/eth0/wg0    '1'    eth0's filter is loose for wg0; it was 1 before
 * ```
 *
 * If a tunnel needs the filter of an interface to be loose, there is one file for this interface
 * and this tunnel. The file stays when the process of the tunnel is killed. The last tunnel that
 * ends restores the filter. If a tunnel was killed, the next tunnel reads the earlier value from
 * the file. A tunnel exists as long as its interface, and this interface disappears with the
 * process of the tunnel.
 *
 * @module
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The parts of the host that `LooseFilters` uses. */
export interface FilterHost {
  /** Whether an interface has this name. */
  hasLink(name: string): boolean;
  /** Returns the value of a filter; undefined if there is none. */
  filter(link: string): string | undefined;
  /** Sets the value of a filter. */
  setFilter(link: string, value: string): void;
  /** Returns a name of the network namespace that the filters belong to. */
  namespace(): string;
}

/** The loose reverse path filters of a host, and the tunnels that need them. */
export class LooseFilters {
  readonly #folder: string;
  readonly #host: FilterHost;
  /**
   * Earlier values whose files could not be written, for instance in a container with a read-only
   * /run.
   */
  readonly #unwritten: Map<string, string> = new Map();

  /** @param folder a folder of this host that does not survive a reboot; made when it is needed */
  constructor(folder: string, host: FilterHost) {
    this.#folder = folder;
    this.#host = host;
  }

  /**
   * Returns the interfaces whose filter is loose for any tunnel, also for a tunnel that was killed.
   */
  loosened(): string[] {
    return entries(this.#namespaceFolder()).filter(
      (link) => this.#before(link) !== undefined && this.#host.filter(link) === LOOSE,
    );
  }

  /**
   * Returns the interfaces that were loosened for this tunnel and whose filter no other program has
   * set since.
   */
  loosenedFor(tunnel: string): string[] {
    return this.loosened().filter((link) => this.#tunnels(link).includes(tunnel));
  }

  /** Returns the interfaces of `loosened` whose loose filter no existing tunnel needs. */
  leftOver(): string[] {
    return this.loosened().filter((link) => !this.#isNeeded(link));
  }

  /** Makes a filter loose for a tunnel whose interface exists already. */
  loosen(link: string, tunnel: string): void {
    const current = this.#host.filter(link) ?? LOOSE;
    // The recorded value is only valid while no other program has set the filter again.
    this.#write(link, tunnel, (current === LOOSE && this.#before(link)) || current);
    this.#forgetGone(link);
    // The filter is read again, because a tunnel that began or ended meanwhile may have restored
    // the filter without seeing this tunnel.
    const latest = this.#host.filter(link) ?? LOOSE;
    if (latest === LOOSE) return;
    if (latest !== current) this.#write(link, tunnel, latest);
    this.#host.setFilter(link, LOOSE);
  }

  /**
   * Records that a tunnel does not need a loose filter on `link`. Restores the filter if no other
   * tunnel needs it to be loose.
   *
   * @throws the error of `setFilter`; the file of the tunnel stays, for the next tunnel
   */
  restore(link: string, tunnel: string): void {
    const before = this.#before(link);
    if (this.#isNeeded(link, tunnel)) {
      remove(this.#file(link, tunnel));
      if (this.#isNeeded(link)) return;
      // The other tunnels ended at this moment. They did not restore the filter, because this
      // tunnel still had its file.
      if (before !== undefined) this.#write(link, tunnel, before);
    }
    // A value that another program has set stays.
    const isOurs = before !== undefined && this.#host.filter(link) === LOOSE;
    if (isOurs) this.#host.setFilter(link, before);
    remove(this.#file(link, tunnel));
    this.#forgetGone(link);
    // The folder is removed only if it is empty, because another tunnel may be writing its file at
    // this moment.
    removeEmpty(join(this.#namespaceFolder(), link));
    removeEmpty(this.#namespaceFolder());
    this.#unwritten.delete(link);
    // If a tunnel began meanwhile and needs the filter to be loose, the filter is made loose again.
    if (isOurs && this.#isNeeded(link)) this.#host.setFilter(link, LOOSE);
  }

  #isNeeded(link: string, except?: string): boolean {
    return this.#tunnels(link).some((tunnel) => tunnel !== except && this.#host.hasLink(tunnel));
  }

  #forgetGone(link: string): void {
    for (const tunnel of this.#tunnels(link)) {
      if (!this.#host.hasLink(tunnel)) remove(this.#file(link, tunnel));
    }
  }

  /** Returns the value that the filter had before the first tunnel made it loose. */
  #before(link: string): string | undefined {
    for (const tunnel of this.#tunnels(link)) {
      const value = this.#read(link, tunnel);
      if (value === '0' || value === '1') return value;
    }
    return this.#unwritten.get(link);
  }

  #tunnels(link: string): string[] {
    return entries(join(this.#namespaceFolder(), link));
  }

  /** Returns undefined if the file was removed meanwhile. */
  #read(link: string, tunnel: string): string | undefined {
    try {
      return readFileSync(this.#file(link, tunnel), 'utf8');
    } catch {
      return undefined;
    }
  }

  #write(link: string, tunnel: string, before: string): void {
    try {
      mkdirSync(join(this.#namespaceFolder(), link), { recursive: true, mode: 0o700 });
      writeFileSync(this.#file(link, tunnel), before, { mode: 0o600 });
    } catch {
      this.#unwritten.set(link, before);
    }
  }

  #file(link: string, tunnel: string): string {
    return join(this.#namespaceFolder(), link, tunnel);
  }

  #namespaceFolder(): string {
    return join(this.#folder, 'rp_filter', this.#host.namespace());
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * Removes a file, if possible. A file that stays does no harm: it names a tunnel that does not
 * exist any more, and only tunnels for which `hasLink` returns true are counted.
 */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // There is no such folder, or no right to change it.
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // The folder is not empty, or it does not exist.
  }
}

const LOOSE = '2';
