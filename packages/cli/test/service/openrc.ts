/**
 * `OpenRc`: a real OpenRC in namespaces of its own, for tests of the init script.
 *
 * Debian's package replaces the init system of the machine, so it is only unpacked: its files are
 * mounted over /usr/lib and /usr/sbin in a mount namespace. /etc, /run and the processes belong to
 * the test. The service `localmount`, which OpenRC expects on every machine, does nothing.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requirement, type Requirement } from '@litz/testkit';
import { vi } from 'vitest';
import type { Host } from '../host.ts';

/** Requires the folder with the unpacked packages, which `.ci/run` makes. */
export const unpackedOpenRc: Requirement = requirement('an unpacked OpenRC', () =>
  existsSync(join(FOLDER, 'sbin/openrc-run'))
    ? true
    : 'LITZ_OPENRC_DIR, or openrc beside LITZ_KERNEL_DIR, has it: apt-get download openrc librc1 libeinfo1, then dpkg -x each',
);

/** What `rc-service` printed, and its exit code. */
export interface ServiceAnswer {
  readonly code: number;
  readonly text: string;
}

export class OpenRc {
  readonly #host: Host;
  readonly #child: ChildProcess;
  #output = '';
  #pid = -1;

  /**
   * Starts OpenRC in the network namespace of the host, with the services `litz` and `litz.NAME`.
   */
  static async start(host: Host, name: string): Promise<OpenRc> {
    for (const folder of ['init.d', 'conf.d']) mkdirSync(join(host.folder, folder));
    const scripts = join(host.folder, 'init.d');
    writeFileSync(join(scripts, 'localmount'), '#!/sbin/openrc-run\nstart() { :; }\n', {
      mode: 0o755,
    });
    writeFileSync(join(scripts, 'litz'), readFileSync(SCRIPT), { mode: 0o755 });
    symlinkSync('litz', join(scripts, `litz.${name}`));
    const openRc = new OpenRc(host);
    await vi.waitUntil(() => openRc.#isReady(), { timeout: 20_000, interval: 20 });
    return openRc;
  }

  private constructor(host: Host) {
    this.#host = host;
    const boot = [process.execPath, REPOSITORY, host.folder, FOLDER];
    const unshared = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    this.#child = host.namespace.run(() =>
      // If the process of the test is killed, so are all processes inside.
      spawn('setpriv', ['--pdeathsig', 'KILL', ...unshared, 'sh', '-ec', BOOT, ...boot], {
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    }
  }

  /** Writes the configuration of a service. */
  configure(service: string, lines: readonly string[]): void {
    writeFileSync(join(this.#host.folder, 'conf.d', service), `${lines.join('\n')}\n`);
  }

  /** Runs a program in the namespaces of OpenRC. @returns its output. @throws {Error} it failed */
  run(program: string, ...args: string[]): Promise<string> {
    const inside = ['-t', String(this.#pid), '-m', '-p', program, ...args];
    return this.#host.run('nsenter', inside, { timeout: 60_000 });
  }

  /** Runs `rc-service`. */
  async service(...words: string[]): Promise<ServiceAnswer> {
    const script = 'rc-service "$@" 2>&1; echo "code=$?"';
    const text = await this.run('sh', '-c', script, 'sh', ...words);
    return { code: Number(/code=(\d+)\n$/.exec(text)?.[1]), text };
  }

  /** Ends all processes in the namespaces. */
  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  #isReady(): boolean {
    if (this.#child.exitCode !== null) throw new Error(`it ended: ${this.#output}`);
    const [first] = childrenOf(this.#child.pid!);
    if (first === undefined || !this.#output.includes('ready')) return false;
    this.#pid = first;
    return true;
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((id) =>
    readFileSync(`/proc/${pid}/task/${id}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

const FOLDER: string =
  process.env['LITZ_OPENRC_DIR'] ?? join(dirname(process.env['LITZ_KERNEL_DIR'] ?? ''), 'openrc');
const SCRIPT = fileURLToPath(new URL('../../service/litz.openrc', import.meta.url));
const REPOSITORY = fileURLToPath(new URL('../../../..', import.meta.url));
/**
 * $0 is node, $1 the repository, $2 the folder of the test, $3 the unpacked packages. The last loop
 * waits for processes that have lost their parents, as an init process must.
 */
const BOOT = `
mount --make-rprivate /
mount -t overlay lib -o "lowerdir=$3/lib:/usr/lib" /usr/lib
mount -t overlay sbin -o "lowerdir=$3/sbin:/usr/sbin" /usr/sbin
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/host /run/etc
mount --bind "$2" /run/host
mount -t tmpfs dev /dev/net
mknod -m 666 /dev/net/tun c 10 200
mount -t tmpfs -o mode=755 sbin /usr/local/sbin
ln -s "$1/packages/cli/bin/litz.js" /usr/local/sbin/litz
ln -s "$0" /usr/local/sbin/node
cp /etc/passwd /etc/group "$3/etc/rc.conf" /run/etc
echo 'litz:x:961:961::/:/usr/sbin/nologin' >>/run/etc/passwd
echo 'litz:x:961:' >>/run/etc/group
ln -s /run/host/init.d /run/host/conf.d /run/etc
mkdir -p /run/etc/runlevels/default
touch /run/etc/insserv.conf
mount -t overlay etc -o lowerdir=/run/etc:/etc /etc
for folder in daemons exclusive failed hotplugged inactive options scheduled started starting \\
  stopped stopping tmp wasinactive; do
  mkdir -p /run/openrc/$folder
done
echo default >/run/openrc/softlevel
echo ready
while :; do sleep 0.1; done
`;
