/**
 * `UpgradedTunnel`: a tunnel between Litz on one machine and another implementation on a second
 * machine, for tests that upgrade Litz.
 *
 * @module
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { litz, type Implementation } from '../interop/implementation.ts';
import { twoNamespaces, type Namespace } from '../interop/namespace.ts';
import { ping, Tunnel, type End } from '../interop/tunnel.ts';
import type { Machine, Underlay } from '../interop/underlay.ts';
import { LITZ } from '../litz-process.ts';
import type { StreamEnd } from './numbered-datagrams.ts';

export class UpgradedTunnel<M extends Machine = Namespace> {
  readonly underlay: Underlay<Namespace, M>;
  readonly tunnel: Tunnel;
  readonly #folder: string;

  /**
   * Makes the tunnel.
   *
   * @param env for the daemon of Litz. PROGRAM in a value stands for the path of the file that
   *   `writeProgram` writes
   * @param own how Litz is started. Default: as `litz -f LINK`
   */
  static async create<M extends Machine>(
    peer: Implementation<M>,
    connect: () => Promise<Underlay<Namespace, M>>,
    env: Record<string, string> = {},
    own: Implementation<Namespace> = litz,
  ): Promise<UpgradedTunnel<M>> {
    const folder = mkdtempSync(join(tmpdir(), 'litz-upgrade-'));
    const program = join(folder, 'program');
    const underlay = await connect();
    for (const [name, value] of Object.entries(env)) {
      process.env[name] = value.replace('PROGRAM', program);
    }
    try {
      const tunnel = await Tunnel.create(underlay, own, peer, {});
      return new UpgradedTunnel(underlay, tunnel, folder);
    } catch (error) {
      await underlay.remove();
      throw error;
    } finally {
      for (const name of Object.keys(env)) delete process.env[name];
    }
  }

  private constructor(underlay: Underlay<Namespace, M>, tunnel: Tunnel, folder: string) {
    this.underlay = underlay;
    this.tunnel = tunnel;
    this.#folder = folder;
  }

  /** The end that runs Litz. */
  get a(): End {
    return this.tunnel.a;
  }

  /** Writes the program that `LITZ_UPGRADE_EXEC` names. */
  writeProgram(lines: readonly string[]): void {
    const file = join(this.#folder, 'program');
    writeFileSync(file, ['#!/bin/sh', ...lines, ''].join('\n'));
    chmodSync(file, 0o700);
  }

  /** Makes the next upgrades start Litz with `killer.mjs`, which explains the arguments. */
  writeKiller(kill: string, format = ''): void {
    const killer = join(import.meta.dirname, 'killer.mjs');
    const variables = `KILL='${kill}' PASSED='${format}' LITZ_ENTRY='${LITZ}'`;
    this.writeProgram([`${variables} exec ${process.execPath} --import ${killer} ${LITZ} "$@"`]);
  }

  /** Upgrades Litz. @returns the output of `litz upgrade`, which is on standard error */
  async upgrade(): Promise<string> {
    const { a } = this.underlay;
    return a.run('sh', '-c', `${process.execPath} ${LITZ} upgrade ${this.a.link} 2>&1`);
  }

  /** Sends three pings through the tunnel. @throws {Error} one of them had no answer */
  async ping(): Promise<void> {
    const { lost } = await ping(this.a, this.tunnel.b.inner.v4);
    if (lost > 0) throw new Error(`${lost} of 3 pings were lost`);
  }

  /** Returns the IDs of the processes that run as `litz -f LINK`. */
  pids(): number[] {
    return daemonsOf(this.a.link);
  }

  /** Returns the ends of a stream from Litz to its peer. */
  ends(): readonly [StreamEnd, StreamEnd] {
    const { a, b } = this.underlay;
    return [
      { namespace: a.name, address: this.tunnel.a.inner.v4 },
      { namespace: (b as unknown as Namespace).name, address: this.tunnel.b.inner.v4 },
    ];
  }

  async remove(): Promise<void> {
    // All processes must end first. A new process has the streams of the old process, so
    // `underlay.remove` would wait for it.
    killDaemons(this.a.link);
    await this.underlay.remove();
    rmSync(`/var/run/wireguard/${this.a.link}.sock`, { force: true });
    rmSync(`/var/run/wireguard/.litz-${this.a.link}`, { recursive: true, force: true });
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Returns the IDs of the processes that run as `litz -f NAME`. */
export function daemonsOf(name: string): number[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      const isDaemon = words.includes(name) && words.includes('-f');
      return isDaemon &&
        words.some((word) => /(litz|daemon)\.m?js$/.test(word)) &&
        !/^(ip|sh|unshare|setpriv)$/.test(words[0] ?? '')
        ? [Number(entry)]
        : [];
    } catch {
      return [];
    }
  });
}

/** Ends the processes that run as `litz -f NAME`, whoever has started them. */
export function killDaemons(name: string): void {
  for (const pid of daemonsOf(name)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The process has ended meanwhile.
    }
  }
}

/** Waits until the condition is true. @throws {Error} it is not true within 20 s */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > end)
      throw new Error(`it did not happen within 20 s: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export { twoNamespaces };
