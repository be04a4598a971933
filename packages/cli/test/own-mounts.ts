/**
 * `OwnMounts`: a mount namespace of a test, with its own /run and /etc. So a test can change the
 * DNS servers inside, and the DNS servers of this machine stay as they are.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class OwnMounts {
  /** A folder for programs, first in `path`. */
  readonly programs: string;
  readonly #folder: string;
  readonly #holder: ChildProcess;

  /**
   * Makes the mounts. @param script Bash code that runs after the mounts; it may use $FOLDER, a
   * folder of the test
   */
  static async create(script = ':'): Promise<OwnMounts> {
    const mounts = new OwnMounts(script);
    await Promise.race([once(mounts.#holder.stdout!, 'data'), mounts.#died()]);
    return mounts;
  }

  private constructor(script: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'litz-mounts-'));
    this.programs = join(this.#folder, 'bin');
    mkdirSync(this.programs);
    const text = [
      'set -e; cd "$FOLDER"; mkdir etc work',
      // The files are copied, because litz replaces files, and a file that is a mount cannot be
      // replaced.
      'cp -a /etc/passwd /etc/group /etc/hosts /etc/nsswitch.conf /etc/host.conf etc/ 2>/dev/null || :',
      'echo "nameserver 198.51.100.1" > etc/resolv.conf',
      'mount --bind etc /etc; mount -t tmpfs none /run; mkdir -m 755 /run/wireguard',
      script,
      'echo ready; exec sleep 600',
    ];
    this.#holder = spawn('unshare', ['-m', 'bash', '-c', text.join('\n')], {
      env: { ...process.env, FOLDER: this.#folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  /** The words in front of a command line that make it run in the mount namespace. */
  get wrapper(): string[] {
    return ['nsenter', '--mount', '--target', String(this.#holder.pid), '--'];
  }

  /** A PATH that begins with the folder `programs`. */
  get path(): string {
    return `${this.programs}:${process.env['PATH']}`;
  }

  /** Returns the path at which processes outside can read a file of the mount namespace. */
  at(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  /** Makes a program of this name: a Bash script with these lines. */
  program(name: string, lines: readonly string[]): void {
    const file = join(this.programs, name);
    writeFileSync(file, ['#!/bin/bash', ...lines, ''].join('\n'));
    chmodSync(file, 0o755);
  }

  async close(): Promise<void> {
    if (this.#holder.exitCode === null) {
      this.#holder.kill('SIGKILL');
      await once(this.#holder, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #died(): Promise<never> {
    const [code] = await once(this.#holder, 'exit');
    throw new Error(`the mounts could not be made: exit code ${code}`);
  }
}
