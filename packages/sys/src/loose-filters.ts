/**
 * `LooseFilters`: reverse path filters that tunnels have made loose, and what they were before.
 *
 * ```
 *   FOLDER/rp_filter/NAMESPACE/eth0/wg0    '1'      for wg0 eth0's filter is loose; it was 1
 * ```
 * One file for each tunnel that needs it, outside of any process: of several tunnels the last one that
 * ends puts the filter back, and after one that was killed the next one knows what it was. A tunnel
 * lives as long as its interface, which goes with its process.
 *
 * @module
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What of a host is used. */
export interface FilterHost {
  hasLink(name: string): boolean;
  /** Undefined where there is none. */
  filter(link: string): string | undefined;
  setFilter(link: string, value: string): void;
  /** Names the network namespace, whose filters they are. */
  namespace(): string;
}

export class LooseFilters {
  readonly #folder: string;
  readonly #host: FilterHost;
  /** What could not be written down, as in a container whose /run cannot be written to. */
  readonly #unwritten: Map<string, string> = new Map();

  /** @param folder of this host and boot; made when it is needed */
  constructor(folder: string, host: FilterHost) {
    this.#folder = folder;
    this.#host = host;
  }

  /** Interfaces whose filter is loose for a tunnel, maybe one that was killed. */
  loosened(): string[] {
    return entries(this.#namespaceFolder()).filter(
      (link) => this.#before(link) !== undefined && this.#host.filter(link) === LOOSE,
    );
  }

  /** Interfaces that this tunnel has asked for, and that nobody has set again since. */
  loosenedFor(tunnel: string): string[] {
    return this.loosened().filter((link) => this.#tunnels(link).includes(tunnel));
  }

  /** Those of `loosened` that no tunnel needs any more. */
  leftOver(): string[] {
    return this.loosened().filter((link) => !this.#isNeeded(link));
  }

  /** `tunnel` is there already. */
  loosen(link: string, tunnel: string): void {
    const current = this.#host.filter(link) ?? LOOSE;
    // What was written down holds only while nobody has set it again.
    this.#write(link, tunnel, (current === LOOSE && this.#before(link)) || current);
    this.#forgetGone(link);
    // Once more: one that began or ended meanwhile may have put it back, and did not see this one.
    const latest = this.#host.filter(link) ?? LOOSE;
    if (latest === LOOSE) return;
    if (latest !== current) this.#write(link, tunnel, latest);
    this.#host.setFilter(link, LOOSE);
  }

  /**
   * `tunnel` needs it no more, or never did.
   *
   * @throws what `setFilter` does: what was written down stays, for the next tunnel
   */
  restore(link: string, tunnel: string): void {
    const before = this.#before(link);
    if (this.#isNeeded(link, tunnel)) {
      remove(this.#file(link, tunnel));
      if (this.#isNeeded(link)) return;
      // The others ended just now, and left it to this one.
      if (before !== undefined) this.#write(link, tunnel, before);
    }
    // Somebody else's setting of it stays.
    const isOurs = before !== undefined && this.#host.filter(link) === LOOSE;
    if (isOurs) this.#host.setFilter(link, before);
    remove(this.#file(link, tunnel));
    this.#forgetGone(link);
    // Not with what is in it: another tunnel may be writing its file just now.
    removeEmpty(join(this.#namespaceFolder(), link));
    removeEmpty(this.#namespaceFolder());
    this.#unwritten.delete(link);
    // One that came just now.
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

  /** What it was before the first of the tunnels. */
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

  /** Undefined if it has gone meanwhile. */
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

/** A file that stays tells of a tunnel that is gone, which is looked at anyway. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // No such folder, or not ours to change.
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Not empty, or not there.
  }
}

const LOOSE = '2';
