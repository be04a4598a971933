/**
 * `Host`: a network namespace in which a test runs programs. A test can compare the state of the
 * namespace before and after a program. `TwoHosts`: two hosts, connected by a veth pair.
 *
 * ```
 *   left    wan 10.9.0.1/24, fd09::1/64  ========  right   wan 10.9.0.2/24, fd09::2/64
 * ```
 *
 * @module
 */
import { execFile, type ExecFileOptions } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress, formatCidr, parseCidr } from '@litz/config';
import { Netlink, NetworkNamespace, waitUntilRunning, writeSysctl } from '@litz/sys';
import { ping } from '@litz/sys/tools';
import { LitzProcess, type ProcessOptions } from './litz-process.ts';

export class Host {
  readonly namespace: NetworkNamespace = NetworkNamespace.create();
  readonly netlink: Netlink = this.namespace.run(() => new Netlink());
  readonly folder: string = mkdtempSync(join(tmpdir(), 'litz-host-'));
  readonly #processes: LitzProcess[] = [];

  constructor() {
    this.namespace.run(() => {
      // No automatic addresses, and no duplicate address detection.
      writeSysctl('net.ipv6.conf.default.addr_gen_mode', 1);
      writeSysctl('net.ipv6.conf.default.accept_dad', 0);
    });
  }

  litz(words: readonly string[], options: ProcessOptions = {}): LitzProcess {
    const started = new LitzProcess(words, { namespace: this.namespace, ...options });
    this.#processes.push(started);
    return started;
  }

  /**
   * Runs a program.
   *
   * @returns its standard output
   * @throws {Error} the program failed; the message has its standard error
   */
  run(program: string, args: readonly string[], options: ExecFileOptions = {}): Promise<string> {
    const output = new Promise<string>((resolve, reject) => {
      this.namespace.run(() =>
        execFile(program, args, { timeout: 20_000, ...options }, (error, stdout) => {
          if (error) reject(error);
          else resolve(String(stdout));
        }),
      );
    });
    // If a test fails before it awaits the program, vitest must report the error of the test, and
    // not this rejection.
    output.catch(() => {});
    return output;
  }

  /** Writes a file that only its owner can read. @returns its path */
  write(name: string, lines: readonly string[]): string {
    return this.writeText(name, `${lines.join('\n')}\n`);
  }

  /** Writes a file with the given text that only its owner can read. @returns its path */
  writeText(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    chmodSync(file, 0o600);
    return file;
  }

  /** Sends three pings. Returns how many were answered. */
  async ping(
    address: string,
    options: { timeoutMs?: number; size?: number } = {},
  ): Promise<number> {
    const bytes = parseCidr(address).address;
    const { received } = await this.namespace.run(() =>
      ping(bytes, { count: 3, intervalMs: 20, timeoutMs: 3000, ...options }),
    );
    return received;
  }

  hasLink(name: string): boolean {
    return this.netlink.linkByName(name) !== undefined;
  }

  /** Returns the policy rules, such as 'IPv4 32766 all lookup 254'. */
  rules(): string[] {
    return this.netlink.rules().map((rule) => {
      const { family, priority, table, mark, invert, suppressPrefixLength } = rule;
      const who = mark === undefined ? 'all' : `${invert ? 'not ' : ''}mark ${mark}`;
      const what = suppressPrefixLength === undefined ? '' : ` suppress ${suppressPrefixLength}`;
      return `IPv${family} ${priority} ${who} lookup ${table}${what}`;
    });
  }

  /**
   * Returns the routes, such as '10.0.0.0/24 wan table 254', except those of the table local, which
   * the kernel fills itself.
   */
  routes(): string[] {
    return this.netlink.routes().flatMap((route) => {
      const { destination, prefixLength, table, interfaceIndex } = route;
      if (table === LOCAL_TABLE) return [];
      const link = this.netlink.linkByIndex(interfaceIndex)?.name ?? interfaceIndex;
      return [`${formatCidr({ address: destination, prefixLength })} ${link} table ${table}`];
    });
  }

  /** Returns the addresses of one link, such as '10.0.0.1/24'. */
  addresses(link: string): string[] {
    const { index = -1 } = this.netlink.linkByName(link) ?? {};
    return this.netlink
      .addresses(index)
      .map(({ address, prefixLength }) => `${formatAddress(address)}/${prefixLength}`);
  }

  /** Returns the links, rules and routes, which a tunnel may change, for a comparison. */
  state(): unknown {
    const links = this.netlink.links().map(({ name, up, mtu }) => ({ name, up, mtu }));
    return { links, rules: this.rules(), routes: this.routes() };
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((started) => started.end('SIGKILL')));
    this.netlink.close();
    this.namespace.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class TwoHosts {
  readonly left: Host = new Host();
  readonly right: Host = new Host();

  constructor() {
    this.left.netlink.createVeth('wan', 'wan', { peerNetns: this.right.namespace.fd });
    for (const [host, number] of [
      [this.left, 1],
      [this.right, 2],
    ] as const) {
      const { index } = host.netlink.linkByName('wan')!;
      for (const text of [`10.9.0.${number}/24`, `fd09::${number}/64`]) {
        host.netlink.addAddress(index, parseCidr(text), { noDad: true });
      }
      host.netlink.setLink(index, { up: true });
    }
    for (const { namespace, netlink } of [this.left, this.right]) {
      namespace.run(() => waitUntilRunning(netlink.linkByName('wan')!.index));
    }
  }

  async close(): Promise<void> {
    await this.left.close();
    await this.right.close();
  }
}

/**
 * Returns a name for an interface that no other test process uses. The name must be unique, because
 * all namespaces share the folder of the sockets.
 */
export function uniqueName(suffix: string): string {
  return `l${process.pid}${suffix}`;
}

/** Removes sockets that killed processes left, if this test process made their names. */
export function removeSockets(): void {
  for (const file of readdirSync(SOCKETS)) {
    // A daemon that was killed also leaves its folder.
    const isOwn = new RegExp(`^(?:\\.litz-)?${uniqueName('[a-z]')}`).test(file);
    if (isOwn) rmSync(join(SOCKETS, file), { recursive: true });
  }
}

const SOCKETS = '/var/run/wireguard';
const LOCAL_TABLE = 255;
