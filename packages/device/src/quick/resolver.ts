/**
 * `Resolver`: sets the DNS servers of a tunnel, and puts the earlier ones back.
 *
 * | what there is | what is done |
 * |---|---|
 * | `resolvconf` | as wg-quick: `resolvconf -a IFNAME -m 0 -x`, then `resolvconf -d IFNAME -f` |
 * | `resolvectl`, and systemd-resolved runs | servers and domains of the interface, then `revert` |
 * | neither | /etc/resolv.conf is replaced, even if it is a symbolic link |
 *
 * Each change is recorded before it is made. So if the process is killed, the next process that
 * uses a `Resolver` undoes the change. If several tunnels have changed /etc/resolv.conf, it has the
 * servers of the latest tunnel that is up. When a tunnel goes down, a file that another program has
 * written meanwhile stays as it is.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { WireGuardError } from '@litz/core';
import type { DnsSettings } from './dns-settings.ts';
import { ResolvConf, type ResolvConfState } from './resolv-conf.ts';
import {
  isRunning,
  ResolverRecords,
  startTimeOf,
  type ResolverRecord,
} from './resolver-records.ts';

/** The paths that the resolver uses. Tests use others. */
export interface ResolverPlaces {
  /** The folder of the records. */
  readonly records: string;
  readonly resolvConf: string;
  /** The file of Debian's resolvconf with the order of interfaces. */
  readonly interfaceOrder: string;
  /** The folder that exists while systemd-resolved runs. */
  readonly resolved: string;
  /** The folders of programs, as in PATH. */
  readonly programs: string;
}

/** The places on a real system. */
export function systemPlaces(runtimeFolder: string): ResolverPlaces {
  return {
    records: join(runtimeFolder, 'dns'),
    resolvConf: '/etc/resolv.conf',
    interfaceOrder: '/etc/resolvconf/interface-order',
    resolved: '/run/systemd/resolve',
    programs: process.env['PATH'] ?? '',
  };
}

/**
 * Takes a lock on the file at `path`. Every process that changes the DNS servers takes this lock.
 */
export type TakeLock = (path: string) => { close(): void };

/**
 * The resolver of the system. All methods are synchronous, so that they also work while the process
 * exits.
 */
export class Resolver {
  readonly #places: ResolverPlaces;
  readonly #records: ResolverRecords;
  readonly #file: ResolvConf;
  readonly #takeLock: TakeLock;

  constructor(places: ResolverPlaces, takeLock: TakeLock) {
    this.#places = places;
    this.#records = new ResolverRecords(places.records);
    this.#file = new ResolvConf(places.resolvConf);
    this.#takeLock = takeLock;
  }

  /**
   * Sets the servers of a tunnel.
   *
   * @throws {WireGuardError} `ERR_LITZ_SYSTEM`: it failed, and nothing was changed
   */
  set(tunnel: string, dns: DnsSettings): void {
    try {
      this.#records.prepare();
    } catch (error) {
      throw unrecorded(error);
    }
    this.#locked(() => {
      this.#forgetGone();
      const via = this.#choose();
      if (via === 'resolvconf') this.#setByResolvconf(tunnel, dns);
      else if (via === 'resolvectl') this.#setByResolvectl(tunnel, dns);
      else this.#setFile(tunnel, dns);
    });
  }

  /**
   * Puts back what was there before the tunnel.
   *
   * @returns a line for the user if something stays as it is
   * @throws {WireGuardError} `ERR_LITZ_SYSTEM`: it failed; after the end of this process, the next
   *   process that uses a `Resolver` tries again
   */
  restore(tunnel: string): string | undefined {
    return this.#locked(() => {
      const record = this.#records.all().find((found) => found.tunnel === tunnel);
      return record && this.#undo(record);
    });
  }

  /**
   * Undoes what tunnels of killed processes have changed.
   *
   * @returns lines for the user
   * @throws {WireGuardError} `ERR_LITZ_SYSTEM`: it failed
   */
  restoreLeftOver(): string[] {
    if (this.#records.all().every(isRunning)) return [];
    return this.#locked(() => this.#forgetGone());
  }

  #forgetGone(): string[] {
    const gone = this.#records.all().filter((record) => !isRunning(record));
    return gone.map((record) => {
      const line = this.#undo(record);
      return line ?? `put back the DNS servers that a killed ${record.tunnel} left`;
    });
  }

  #choose(): ResolverRecord['via'] {
    const { programs, resolved } = this.#places;
    if (hasProgram('resolvconf', programs)) return 'resolvconf';
    if (hasProgram('resolvectl', programs) && existsSync(resolved)) return 'resolvectl';
    return 'resolv.conf';
  }

  #setByResolvconf(tunnel: string, dns: DnsSettings): void {
    const name = `${this.#interfacePrefix()}${tunnel}`;
    this.#record(tunnel, 'resolvconf', name);
    this.#orForget(tunnel, () =>
      this.#run('resolvconf', ['-a', name, '-m', '0', '-x'], linesOf(dns)),
    );
  }

  /**
   * Returns the prefix for the interface's name. Debian's resolvconf orders interfaces by the
   * prefixes of their names.
   */
  #interfacePrefix(): string {
    try {
      const order = readFileSync(this.#places.interfaceOrder, 'utf8');
      const prefix = /^([A-Za-z0-9-]+)\*$/m.exec(order)?.[1];
      return prefix === undefined ? '' : `${prefix}.`;
    } catch {
      return '';
    }
  }

  #setByResolvectl(tunnel: string, { servers, searchDomains }: DnsSettings): void {
    this.#record(tunnel, 'resolvectl', tunnel);
    this.#orForget(tunnel, () => {
      try {
        this.#run('resolvectl', ['dns', tunnel, ...servers]);
        // `~.` sends the queries for all names to this interface, as `resolvconf -x` does.
        this.#run('resolvectl', ['domain', tunnel, ...searchDomains, '~.']);
      } catch (error) {
        this.#tryRun('resolvectl', ['revert', tunnel]);
        throw error;
      }
    });
  }

  #setFile(tunnel: string, dns: DnsSettings): void {
    const current = this.#file.read();
    const text = `# Written by litz for ${tunnel}; the earlier file comes back when it is down.\n${linesOf(dns)}`;
    try {
      // If another program has written the file since the last tunnel, that file must be put back.
      if (!this.#records.before || !this.#isOurs(current)) this.#records.before = current;
    } catch (error) {
      throw unrecorded(error);
    }
    this.#record(tunnel, 'resolv.conf', text);
    this.#orForget(tunnel, () => {
      const { mode, uid, gid } = current.type === 'file' ? current : NEW_FILE;
      this.#writeFile({ type: 'file', text, mode, uid, gid });
    });
  }

  /** Undoes the change of a tunnel. @returns a line if something stays as it is */
  #undo(record: ResolverRecord): string | undefined {
    const { tunnel, via, value } = record;
    if (via === 'resolv.conf') return this.#undoFile(record);
    if (via === 'resolvconf') this.#run('resolvconf', ['-d', value, '-f']);
    // A failure is ignored, because the settings of an interface disappear with it.
    else this.#tryRun('resolvectl', ['revert', value]);
    this.#records.remove(tunnel);
    return undefined;
  }

  #undoFile({ tunnel, value }: ResolverRecord): string | undefined {
    const current = this.#file.read();
    const { before } = this.#records;
    const isLatest = current.type === 'file' && current.text === value;
    const isOurs = this.#isOurs(current);
    const others = this.#records
      .all()
      .filter((other) => other.via === 'resolv.conf' && other.tunnel !== tunnel);
    const next = others.findLast(isRunning);
    if (isLatest && next) this.#writeFile({ ...current, text: next.value });
    else if (isLatest && before) this.#writeFile(before);
    this.#records.remove(tunnel);
    if (others.length === 0) this.#records.before = undefined;
    // A process that was killed before it wrote the file has changed nothing.
    if (isOurs || isSame(current, before)) return undefined;
    return `${this.#file.path} was changed by another program meanwhile: it stays as it is`;
  }

  /** Whether a tunnel has written this file. */
  #isOurs(state: ResolvConfState): boolean {
    if (state.type !== 'file') return false;
    return this.#records
      .all()
      .some(({ via, value }) => via === 'resolv.conf' && value === state.text);
  }

  #record(tunnel: string, via: ResolverRecord['via'], value: string): void {
    const number = (this.#records.all().at(-1)?.number ?? 0) + 1;
    const { pid } = process;
    const startTime = startTimeOf(pid) ?? '';
    try {
      this.#records.add({ tunnel, pid, startTime, number, via, value });
    } catch (error) {
      throw unrecorded(error);
    }
  }

  /** Makes a recorded change. If it fails, removes the record. */
  #orForget(tunnel: string, change: () => void): void {
    try {
      change();
    } catch (error) {
      this.#records.remove(tunnel);
      if (!this.#records.all().some(({ via }) => via === 'resolv.conf')) {
        this.#records.before = undefined;
      }
      throw error;
    }
  }

  #writeFile(state: ResolvConfState): void {
    try {
      this.#file.write(state);
    } catch (error) {
      const { code = String(error) } = error as NodeJS.ErrnoException;
      const text = `cannot write ${this.#file.path}: ${code}`;
      throw new WireGuardError('ERR_LITZ_SYSTEM', text, { cause: error });
    }
  }

  #run(program: string, args: readonly string[], input = ''): void {
    const { error, status, signal, stderr } = spawnSync(program, args, {
      input,
      stdio: 'pipe',
      encoding: 'utf8',
      timeout: PROGRAM_LIMIT_MS,
      env: { ...process.env, PATH: this.#places.programs },
    });
    if (status === 0) return;
    const isLate = error && 'code' in error && error.code === 'ETIMEDOUT';
    const late = isLate ? `it did not end within ${PROGRAM_LIMIT_MS / 1000} s` : undefined;
    const how = late ?? error?.message ?? signal ?? `exit code ${status}`;
    const last = stderr?.trim().split('\n').at(-1) ?? '';
    const text = `${program} ${args.join(' ')}: ${how}${last === '' ? '' : `: ${last}`}`;
    throw new WireGuardError('ERR_LITZ_SYSTEM', text);
  }

  #tryRun(program: string, args: readonly string[]): void {
    try {
      this.#run(program, args);
    } catch {
      // If the interface is gone, its settings are gone too.
    }
  }

  /**
   * Runs an action under the lock. If the folder of the records does not exist or cannot be
   * written, the action runs without a lock.
   */
  #locked<T>(run: () => T): T {
    let lock: { close(): void } | undefined;
    try {
      lock = this.#takeLock(this.#records.lockPath);
    } catch (error) {
      if ((error as Error).name === 'FileLockedError') throw stillLocked(error as Error);
    }
    try {
      return run();
    } finally {
      lock?.close();
    }
  }
}

function linesOf({ servers, searchDomains }: DnsSettings): string {
  const lines = servers.map((server) => `nameserver ${server}\n`);
  if (searchDomains.length > 0) lines.push(`search ${searchDomains.join(' ')}\n`);
  return lines.join('');
}

function hasProgram(name: string, folders: string): boolean {
  return folders.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function isSame(a: ResolvConfState, b: ResolvConfState | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function unrecorded(error: unknown): WireGuardError {
  const { code, message } = error as NodeJS.ErrnoException;
  const text = 'cannot record what must be put back later';
  const advice = 'expected that this user can write to /run (in a container: --tmpfs /run)';
  // An error of Litz already says what to do.
  const reason = code?.startsWith('ERR_') ? message : `${code ?? message}; ${advice}`;
  return new WireGuardError('ERR_LITZ_SYSTEM', `${text}: ${reason}`, { cause: error });
}

function stillLocked(cause: Error): WireGuardError {
  const text = 'another litz is changing the DNS servers, and did not finish';
  return new WireGuardError('ERR_LITZ_SYSTEM', text, { cause });
}

/** The longest time that resolvconf or resolvectl may take, in ms. */
const PROGRAM_LIMIT_MS = 10_000;
/**
 * Mode and owner of a file that replaces a symbolic link, or that is made where there was no file.
 */
const NEW_FILE = { mode: 0o644, uid: 0, gid: 0 };
