/**
 * `KernelGuest`: a virtual machine, emulated in software, whose Linux kernel has WireGuard. A tap
 * device connects namespace a to the guest.
 *
 *   namespace a                                   guest
 *   veth0 (tap)  -------------------------------  eth0
 *   172.31.255.1          commands                172.31.255.2, a shell on port 7000
 *
 * @module
 */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Namespace, type StartedProcess } from './namespace.ts';
import {
  addAddresses,
  eventually,
  outerAddresses,
  type Machine,
  type Underlay,
} from './underlay.ts';

export class KernelGuest implements Machine {
  readonly wire: string = 'eth0';
  readonly #host: Namespace;
  readonly #folder: string;
  #console: StartedProcess | undefined = undefined;

  private constructor(host: Namespace, folder: string) {
    this.#host = host;
    this.#folder = folder;
  }

  /**
   * Boots the guest, which takes about 7 s.
   *
   * @param script boots a kernel with wg, ip, ping and busybox
   * @param kernelFolder the folder whose subfolder `x` has the unpacked kernel
   */
  static async boot(script: string, kernelFolder: string): Promise<KernelGuest> {
    const folder = mkdtempSync(join(tmpdir(), 'litz-kernel-'));
    const host = await Namespace.create('kernel');
    const guest = new KernelGuest(host, folder);
    try {
      // The script builds the guest's files beside the kernel, so each test needs its own folder.
      symlinkSync(join(kernelFolder, 'x'), join(folder, 'x'));
      const configuration = join(folder, 'configuration.sh');
      writeFileSync(configuration, CONFIGURATION);
      await host.run('ip', 'tuntap', 'add', 'dev', host.wire, 'mode', 'tap');
      await host.run('ip', 'address', 'add', `${CONTROL}.1/24`, 'dev', host.wire);
      await host.run('ip', 'link', 'set', host.wire, 'up');
      // The time is limited, so that the guest also ends if the test is killed.
      const words = ['bash', script, folder, configuration, host.wire];
      const console = host.start('timeout', ['600', ...words]);
      guest.#console = console;
      const isReady = (): boolean => {
        if (console.process.exitCode !== null) throw new Error(console.output());
        return console.output().includes('READY');
      };
      await eventually('the kernel is ready', isReady, 60_000);
      return guest;
    } catch (error) {
      await guest.shutDown();
      throw error;
    }
  }

  /** Prepares the machines of one test. `remove` of the result leaves the guest running. */
  async connect(): Promise<Underlay<Namespace, KernelGuest>> {
    const host = this.#host;
    await addAddresses(host, host.wire, outerAddresses(1));
    await addAddresses(this, this.wire, outerAddresses(2));
    const remove = async (): Promise<void> => {
      await host.endStarted(this.#console);
      for (const machine of [host, this]) {
        for (const network of ['192.168.77.0/24', 'fd77::/64']) {
          await machine.run('ip', 'address', 'flush', 'dev', machine.wire, 'to', network);
        }
      }
    };
    return { a: host, b: this, watch: (filter) => host.watch(filter), remove };
  }

  run(command: string, ...args: string[]): Promise<string> {
    // The path is needed, because busybox has its own `ip` and `ping`.
    return this.#shell([`/bin/${command}`, ...args].map(quote).join(' '));
  }

  async withFile<T>(text: string, use: (path: string) => Promise<T>): Promise<T> {
    await this.#shell(`umask 077; echo ${quote(text)} > /tmp/file`);
    try {
      return await use('/tmp/file');
    } finally {
      await this.#shell('rm /tmp/file');
    }
  }

  async send(address: string, port: number, bytes: number): Promise<string> {
    const bytesOfItsOwn = `head -c ${bytes} /dev/urandom > /tmp/sent`;
    const output = await this.#shell(
      `${bytesOfItsOwn} && nc ${address} ${port} < /tmp/sent && sha256sum /tmp/sent`,
    );
    return output.slice(0, SHA256_LENGTH);
  }

  async receive(_address: string, port: number): Promise<{ sha256: Promise<string> }> {
    const received = this.#shell(`nc -l -p ${port} > /tmp/received; sha256sum /tmp/received`);
    await eventually('the receiver listens', async () =>
      (await this.#shell('netstat -ltn')).includes(`:${port} `),
    );
    return { sha256: received.then((output) => output.slice(0, SHA256_LENGTH)) };
  }

  async shutDown(): Promise<void> {
    await this.#host.remove();
    rmSync(this.#folder, { recursive: true });
  }

  /**
   * Runs a line of shell code in the guest. @returns its output
   *
   * @throws {Error} the line failed; the message has the output
   */
  async #shell(line: string): Promise<string> {
    const script = `{ ${line}\n} </dev/null 2>&1; echo "exit $?"; exit`;
    const output = await this.#host.run('bash', '-c', ASK, 'ask', script);
    const [, text = output, code] = /^([^]*)exit (\d+)\n$/.exec(output) ?? [];
    if (code !== '0') throw new Error(`${line}: ${text}(exit ${code ?? 'missing'})`);
    return text;
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** The network over which commands reach the guest. Tests change only other addresses. */
const CONTROL = '172.31.255';
/**
 * The guest runs this script once. The script starts a server that gives each connection a shell.
 */
const CONFIGURATION = `
/bin/ip link set eth0 up
/bin/ip address add ${CONTROL}.2/24 dev eth0
nc -ll -p 7000 -e /bin/sh &
`;
/** A Bash script: it sends its first argument to the guest's shell, and prints the answer. */
const ASK = `exec 3<>/dev/tcp/${CONTROL}.2/7000; printf '%s\\n' "$1" >&3; cat <&3`;
const SHA256_LENGTH = 64;
