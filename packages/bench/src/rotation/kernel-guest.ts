/**
 * `KernelGuest`: a virtual machine, emulated in software, whose Linux kernel has WireGuard. It is
 * end b of the tunnel. The program that sends or receives the stream of numbered packets at this
 * end is in namespace b, and its packets pass through the guest:
 *
 * ```
 *   namespace a                namespace b, with the bridge br0           guest
 *   va 192.168.77.1 ---------- vb --+-- tap0 --------------------------- eth0 192.168.77.2
 *                                   |                                     wg0: the tunnel to a
 *   the stream: 10.9.0.1            br0 10.9.0.2, the stream  <-------->  forwards it to wg0
 * ```
 *
 * @module
 */
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { missingProgram, RunningCommand, runCommand, until } from '../peers/command.ts';
import { OUTER, type NamespacePair } from '../peers/namespace-pair.ts';
import { ip } from '../peers/namespaces.ts';
import { INNER } from '../peers/tunnel.ts';

export class KernelGuest {
  readonly #namespace: string;
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'litz-kernel-'));
  #console: RunningCommand | undefined = undefined;

  /** Returns why no guest can be started; undefined if it is possible. */
  static missing(): string | undefined {
    if (!existsSync(SCRIPT)) return `${SCRIPT} is not there`;
    if (!existsSync(join(kernelFolder(), 'x'))) {
      return `LITZ_KERNEL_DIR names no folder with a kernel that ${SCRIPT} has unpacked`;
    }
    return missingProgram('qemu-system-x86_64', ['--version']) ?? missingProgram('cpio', []);
  }

  /** Boots the guest as end b of the tunnel, in about 7 s. @throws {Error} (rejects) it failed */
  static async boot(namespaces: NamespacePair): Promise<KernelGuest> {
    const guest = new KernelGuest(namespaces.b);
    try {
      await guest.#connect();
      await guest.#boot();
      return guest;
    } catch (error) {
      await guest.close();
      throw error;
    }
  }

  private constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /**
   * Runs a line of shell in the guest.
   *
   * @returns its output
   * @throws {Error} (rejects) it failed; the message has the output
   */
  async run(line: string): Promise<string> {
    const script = `{ ${line}\n} </dev/null 2>&1; echo "exit $?"; exit`;
    const namespace = this.#namespace;
    const output = await runCommand('bash', ['-c', ASK, 'ask', script], { namespace });
    const [, text = output, code] = /^([^]*)exit (\d+)\n$/.exec(output) ?? [];
    if (code !== '0') throw new Error(`${line}: ${text}(exit ${code ?? 'missing'})`);
    return text;
  }

  /** @throws {Error} the guest has ended; the message has the last part of its stderr */
  checkAlive(): void {
    this.#console?.checkAlive();
  }

  async close(): Promise<void> {
    await this.#console?.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Connects the guest to the veth of end b. The stream of end b then passes through the guest. */
  async #connect(): Promise<void> {
    const at = ['-n', this.#namespace];
    await ip(...at, 'addr', 'flush', 'dev', 'vb');
    await ip(...at, 'link', 'add', 'br0', 'type', 'bridge');
    await ip(...at, 'tuntap', 'add', 'dev', TAP, 'mode', 'tap');
    for (const link of ['vb', TAP]) await ip(...at, 'link', 'set', link, 'master', 'br0', 'up');
    for (const address of [`${CONTROL}.1/24`, `${INNER.b}/32`]) {
      await ip(...at, 'addr', 'add', address, 'dev', 'br0');
    }
    await ip(...at, 'link', 'set', 'br0', 'up');
    await ip(...at, 'route', 'add', OUTER.b, 'dev', 'br0');
    await ip(...at, 'route', 'add', INNER.a, 'via', OUTER.b, 'dev', 'br0', 'src', INNER.b);
  }

  async #boot(): Promise<void> {
    // `SCRIPT` builds the guest's files beside the kernel, so each guest needs its own folder.
    symlinkSync(join(kernelFolder(), 'x'), join(this.#folder, 'x'));
    const configuration = join(this.#folder, 'configuration.sh');
    writeFileSync(configuration, CONFIGURATION);
    const namespace = this.#namespace;
    const words = [SCRIPT, this.#folder, configuration, TAP];
    const console = new RunningCommand('bash', words, { namespace });
    this.#console = console;
    const isReady = (): boolean => {
      console.checkAlive();
      return console.output.includes('READY');
    };
    await until('the kernel is ready', isReady, BOOT_MS);
    await this.#untilAnswering();
  }

  /** Waits until the guest takes commands. Its `nc` may start a moment after it prints READY. */
  async #untilAnswering(): Promise<void> {
    const end = performance.now() + ANSWER_MS;
    for (;;) {
      try {
        await this.run('true');
        return;
      } catch (error) {
        if (performance.now() > end) throw error;
        await pause(POLL_MS);
      }
    }
  }
}

function kernelFolder(): string {
  return process.env['LITZ_KERNEL_DIR'] ?? '';
}

/** The script that boots the guest. It is in a folder beside the repository, as in CI. */
const SCRIPT = fileURLToPath(new URL('../../../../../shared/real/kernel-peer.sh', import.meta.url));
/** Time limits in ms: until the guest is ready, and then until it takes commands. */
const BOOT_MS = 60_000;
const ANSWER_MS = 20_000;
const POLL_MS = 50;
const TAP = 'tap0';
/** The first three bytes of the network for commands to the guest. */
const CONTROL = '172.31.255';
/** The guest runs these lines once. The last one gives each connection a shell. */
const CONFIGURATION = `
/bin/ip link set eth0 up
/bin/ip address add ${CONTROL}.2/24 dev eth0
/bin/ip address add ${OUTER.b}/24 dev eth0
/bin/ip link add wg0 mtu 1420 up type wireguard
/bin/ip route add ${INNER.a} dev wg0
/bin/ip route add ${INNER.b} dev eth0
echo 1 > /proc/sys/net/ipv4/ip_forward
nc -ll -p 7000 -e /bin/sh &
`;
/** A Bash script: it sends its first argument to the guest's shell, and prints the answer. */
const ASK = `exec 3<>/dev/tcp/${CONTROL}.2/7000; printf '%s\\n' "$1" >&3; cat <&3`;
