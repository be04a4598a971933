/**
 * `Systemd`: a real systemd as process 1 of its own namespaces, for tests of units.
 *
 * This systemd has a /run and a /tmp of its own, a user `litz`, and the built command as
 * /usr/local/sbin/litz. It knows only the units of Litz, because units of the system would change
 * the machine. For example, systemd-tmpfiles empties /tmp. The root of the machine is read-only.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requirement, type Requirement } from '@litz/testkit';
import { vi } from 'vitest';
import { uniqueName, type Host } from '../host.ts';

/** The folder with the units. */
export const SERVICES: string = fileURLToPath(new URL('../../service', import.meta.url));

export const systemdProgram: Requirement = requirement('/lib/systemd/systemd', () => {
  readFileSync(SYSTEMD);
});

export class Systemd {
  readonly #host: Host;
  readonly #child: ChildProcess;
  /**
   * The name of the cgroup of all processes of this systemd. Two systemds must not share a cgroup.
   */
  readonly #cgroup: string = uniqueName('cg');
  #output = '';
  #pid = -1;

  /** Starts systemd in the network namespace of the host. */
  static async start(host: Host): Promise<Systemd> {
    const systemd = new Systemd(host);
    await vi.waitUntil(() => systemd.#isReady(), { timeout: 20_000, interval: 50 });
    return systemd;
  }

  private constructor(host: Host) {
    this.#host = host;
    const words = [process.execPath, REPOSITORY, host.folder, this.#cgroup, BOOT];
    this.#child = host.namespace.run(() =>
      spawn(
        'setpriv',
        [...DIES_WITH_TEST, 'unshare', '--mount', 'sh', '-ec', OWN_CGROUP, ...words],
        {
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      ),
    );
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    }
  }

  /** What systemd and its services have printed. */
  get output(): string {
    const file = join(this.#host.folder, 'output');
    return this.#output + (existsSync(file) ? readFileSync(file, 'utf8') : '');
  }

  /** Writes a file that only root can read. @returns its path in the namespaces of systemd */
  write(name: string, lines: readonly string[]): string {
    this.#host.write(name, lines);
    return `/run/host/${name}`;
  }

  /** Runs a program in the namespaces of systemd. @returns its output. @throws {Error} it failed */
  run(program: string, ...args: string[]): Promise<string> {
    return this.#host.run(
      'nsenter',
      ['-t', String(this.#pid), '-m', '-p', '-C', program, ...args],
      {
        timeout: 60_000,
      },
    );
  }

  /** Runs systemctl. A failure has the output of the services in its message. */
  async control(...args: string[]): Promise<string> {
    try {
      return await this.run('systemctl', ...args);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.output}`, { cause: error });
    }
  }

  /** Returns a property of a unit. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.run('systemctl', 'show', '--value', '-p', name, unit)).trim();
  }

  /** Ends systemd and everything in its namespaces. */
  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await ended;
    const remove = `mount -t cgroup2 c /mnt; find /mnt/${this.#cgroup} -depth -type d -exec rmdir {} +`;
    // The kernel needs a moment until the last process has left the cgroup.
    await vi.waitUntil(
      () =>
        this.#host.run('unshare', ['--mount', 'sh', '-ec', remove]).then(
          () => true,
          () => false,
        ),
      { timeout: 10_000, interval: 100 },
    );
  }

  async #isReady(): Promise<boolean> {
    if (this.#child.exitCode !== null) throw new Error(`systemd ended: ${this.#output}`);
    const [first] = childrenOf(this.#child.pid!);
    if (first === undefined) return false;
    this.#pid = first;
    return this.run('systemctl', 'is-system-running').then(
      () => true,
      // systemd reports `degraded` if a unit is missing, but it is ready then.
      (error: Error) => /degraded|running/.test(`${(error as { stdout?: string }).stdout}`),
    );
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((id) =>
    readFileSync(`/proc/${pid}/task/${id}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

/** If the process of the test is killed, so is systemd, and with it all of its processes. */
const DIES_WITH_TEST = ['--pdeathsig', 'KILL'];
const SYSTEMD = '/lib/systemd/systemd';
const REPOSITORY = fileURLToPath(new URL('../../../..', import.meta.url));
/** $0 to $2 are the same as in BOOT. $3 is the name of the cgroup, and $4 is the script BOOT. */
const OWN_CGROUP = `
mount --make-rprivate /
mount -t cgroup2 cgroup2 /mnt
mkdir "/mnt/$3"
echo $$ >"/mnt/$3/cgroup.procs"
umount /mnt
exec unshare --pid --cgroup --fork --kill-child --mount-proc sh -ec "$4" "$0" "$1" "$2"
`;
/**
 * $0 is node, $1 the repository, $2 the folder of the test. The repository is mounted at /mnt,
 * because the units hide /root and /home.
 */
const BOOT = `
mount --make-rprivate /
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/systemd/system /run/lock /run/etc /run/host
mount --bind "$2" /run/host
mount -t tmpfs -o mode=1777 tmp /var/tmp
umount -R /sys/fs/cgroup || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs dev /dev/net
mknod -m 666 /dev/net/tun c 10 200
mount --bind "$1" /mnt
mount -t tmpfs -o mode=755 sbin /usr/local/sbin
ln -s /mnt/packages/cli/bin/litz.js /usr/local/sbin/litz
touch /usr/local/sbin/node
mount --bind "$0" /usr/local/sbin/node
for file in passwd group; do
  cp /etc/$file /run/etc/$file
done
echo 'litz:x:961:961::/:/usr/sbin/nologin' >>/run/etc/passwd
echo 'litz:x:961:' >>/run/etc/group
for file in passwd group; do
  mount --bind /run/etc/$file /etc/$file
done
cp /mnt/packages/cli/service/*.service /run/systemd/system
mount -t tmpfs -o mode=1777 tmp /tmp
mount -o remount,bind,ro /
for target in test sysinit basic network-pre network network-online nss-lookup; do
  printf '[Unit]\\nDefaultDependencies=no\\n' >/run/systemd/system/$target.target
done
mkdir /run/systemd/system/service.d
printf '[Service]\\nStandardOutput=append:/run/host/output\\nStandardError=inherit\\n' \\
  >/run/systemd/system/service.d/output.conf
exec env container=litz SYSTEMD_UNIT_PATH=/run/systemd/system SYSTEMD_LOG_TARGET=console \\
  SYSTEMD_LOG_LEVEL=warning ${SYSTEMD} --system --unit=test.target
`;
