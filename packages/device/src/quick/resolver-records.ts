/**
 * `ResolverRecords`: what tunnels have changed in the settings of the resolver. The records are
 * files, so they survive a killed process.
 *
 * ```
 *   FOLDER/tunnels/wg0    which process set the servers of wg0, and how (`ResolverRecord`)
 *   FOLDER/before         what /etc/resolv.conf was before the first tunnel changed it
 *   FOLDER/lock           held while a process changes one of these files
 * ```
 *
 * A record is valid as long as its process runs. The process is identified by its id and the time
 * at which it started.
 *
 * @module
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { WireGuardError } from '@litz/core';
import { untrustedFolder } from '@litz/config/uapi';
import type { ResolvConfState } from './resolv-conf.ts';

/** What one tunnel has changed. */
export interface ResolverRecord {
  readonly tunnel: string;
  readonly pid: number;
  /** When the process started, in the clock ticks of /proc/PID/stat. */
  readonly startTime: string;
  /** Larger than the number of each earlier record. */
  readonly number: number;
  readonly via: 'resolvconf' | 'resolvectl' | 'resolv.conf';
  /** The text of /etc/resolv.conf, or the name that the tunnel has in resolvconf or resolvectl. */
  readonly value: string;
}

/** The records in one folder. */
export class ResolverRecords {
  readonly #folder: string;

  /** @param folder a folder that does not survive a reboot; made when it is needed */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The path of the lock. */
  get lockPath(): string {
    return join(this.#folder, 'lock');
  }

  /**
   * Makes the folder.
   *
   * @throws {Error} it cannot be made
   * @throws {WireGuardError} another user may write to it, or to the folder around it
   */
  prepare(): void {
    mkdirSync(join(this.#folder, 'tunnels'), { recursive: true, mode: 0o700 });
    const reason = this.#whyUntrusted();
    if (reason !== undefined) throw new WireGuardError('ERR_LITZ_SYSTEM', reason);
  }

  /**
   * All records, in the order in which they were made. Files that are not JSON are ignored. All
   * files are ignored if another user may write to the folder, because that user could set the DNS
   * servers by writing a record.
   */
  all(): ResolverRecord[] {
    if (this.#whyUntrusted() !== undefined) return [];
    return entries(join(this.#folder, 'tunnels'))
      .flatMap(
        (name) => (this.#readJson(join('tunnels', name)) as ResolverRecord | undefined) ?? [],
      )
      .toSorted((a, b) => a.number - b.number);
  }

  add(record: ResolverRecord): void {
    this.#writeJson(join('tunnels', record.tunnel), record);
  }

  remove(tunnel: string): void {
    rmSync(join(this.#folder, 'tunnels', tunnel), { force: true });
  }

  /** What /etc/resolv.conf was before the tunnels; undefined: no tunnel has changed it. */
  get before(): ResolvConfState | undefined {
    return this.#readJson('before') as ResolvConfState | undefined;
  }

  set before(state: ResolvConfState | undefined) {
    if (state) this.#writeJson('before', state);
    else rmSync(join(this.#folder, 'before'), { force: true });
  }

  #whyUntrusted(): string | undefined {
    // A user who may write to the parent folder can put another folder in the place of this one.
    return untrustedFolder(dirname(this.#folder)) ?? untrustedFolder(this.#folder);
  }

  #readJson(name: string): unknown {
    try {
      return JSON.parse(readFileSync(join(this.#folder, name), 'utf8'));
    } catch {
      return undefined;
    }
  }

  /** Replaces the file in one step. */
  #writeJson(name: string, value: unknown): void {
    const path = join(this.#folder, name);
    // The temporary file is not in the folder `tunnels`, where it would be taken for a record.
    const temporary = join(this.#folder, `.new-${process.pid}`);
    try {
      writeFileSync(temporary, JSON.stringify(value), { mode: 0o600 });
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }
}

/** Whether the process of a record still runs. */
export function isRunning({ pid, startTime }: Pick<ResolverRecord, 'pid' | 'startTime'>): boolean {
  return startTimeOf(pid) === startTime;
}

/**
 * Returns when a process started, in clock ticks since the boot; undefined: there is no such
 * process.
 */
export function startTimeOf(pid: number): string | undefined {
  try {
    // The name of the program is in parentheses, and may contain anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    // The state is the third field, and the time is the 22nd. A zombie has ended.
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
