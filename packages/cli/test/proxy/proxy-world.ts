/**
 * `ProxyWorld`: a real peer for `litz proxy`, with servers behind it. The peer is wireguard-go with
 * a kernel interface, in a network namespace of its own. The proxy runs as an ordinary user in
 * another namespace.
 *
 * ```
 *   namespace a                               namespace b
 *   litz proxy, 10.77.0.1, fd70::1            wireguard-go, 10.77.0.2, fd70::2
 *   192.168.77.1  ------------------------->  192.168.77.2
 * ```
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyPair } from '../key-pair.ts';
import { wireguardGo } from '../interop/implementation.ts';
import { type Namespace, type StartedProcess, twoNamespaces } from '../interop/namespace.ts';
import { eventually } from '../interop/underlay.ts';
import { LITZ } from '../litz-process.ts';

export class ProxyWorld {
  readonly a: Namespace;
  readonly b: Namespace;
  /** A folder that the user of the proxy can read. */
  readonly folder: string;
  /** The path of the wg-quick file of the tunnel. */
  readonly conf: string;
  readonly #ends: (() => Promise<void>)[] = [];

  private constructor(a: Namespace, b: Namespace) {
    [this.a, this.b] = [a, b];
    this.folder = mkdtempSync(join(tmpdir(), 'litz-proxy-'));
    chmodSync(this.folder, 0o755);
    this.conf = join(this.folder, 'wg0.conf');
  }

  static async create(): Promise<ProxyWorld> {
    const underlay = await twoNamespaces();
    const world = new ProxyWorld(underlay.a, underlay.b);
    world.#ends.push(() => underlay.remove());
    try {
      await world.#startPeer();
      await world.#startServers();
      await world.#untilSettled();
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  /** Writes a file that the user of the proxy can read, and no other user. Returns its path. */
  write(name: string, lines: readonly string[]): string {
    const file = join(this.folder, name);
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
    chownSync(file, USER, USER);
    return file;
  }

  /** Starts `litz proxy` as an ordinary user, and waits until its output matches `says`. */
  async proxy(words: readonly string[], says: RegExp): Promise<StartedProcess> {
    const [program = '', ...args] = this.command(words);
    const started = this.a.start(program, args);
    await eventually(`${words.join(' ')} says ${says}`, () => {
      if (started.process.exitCode !== null) throw new Error(started.output());
      return says.test(started.output());
    });
    return started;
  }

  /** Returns the command line of a `litz proxy` that runs as an ordinary user. */
  command(words: readonly string[]): string[] {
    return [...AS_USER, process.execPath, LITZ, 'proxy', ...words];
  }

  async close(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end();
    rmSync(this.folder, { recursive: true });
  }

  async #startPeer(): Promise<void> {
    const { b } = this;
    const { link, remove } = await wireguardGo.start(b, {});
    this.#ends.push(remove);
    const [near, far] = [keyPair(), keyPair()];
    const peer = ['peer', near.publicKey, 'allowed-ips', '10.77.0.1/32,fd70::1/128'];
    await b.withFile(far.privateKey, (key) =>
      b.run('wg', 'set', link, 'private-key', key, 'listen-port', '51820', ...peer),
    );
    for (const address of ['10.77.0.2/24', 'fd70::2/64']) {
      await b.run('ip', 'address', 'add', address, 'dev', link);
    }
    await b.run('ip', 'link', 'set', link, 'up');
    this.write('wg0.conf', [
      '[Interface]',
      `PrivateKey = ${near.privateKey}`,
      'Address = 10.77.0.1/32, fd70::1/128',
      'DNS = 10.77.0.2',
      '[Peer]',
      `PublicKey = ${far.publicKey}`,
      'AllowedIPs = 10.77.0.0/24, fd70::/64',
      'Endpoint = 192.168.77.2:51820',
    ]);
  }

  async #startServers(): Promise<void> {
    const { folder } = this;
    const subject = ['-subj', '/CN=web.inside', '-addext', 'subjectAltName=DNS:web.inside'];
    const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
    const request = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
    ];
    execFileSync('openssl', [...request, ...subject, ...files], { stdio: 'ignore' });
    const script = join(import.meta.dirname, 'far-services.mjs');
    const servers = this.b.start(process.execPath, [script, folder, '10.77.0.2']);
    await eventually('the servers listen', () => servers.output().includes('ready'));
  }

  /**
   * Waits until the kernel has checked the addresses for duplicates, because Chromium breaks off
   * its downloads when an address changes (ERR_NETWORK_CHANGED).
   */
  async #untilSettled(): Promise<void> {
    await eventually('the addresses are checked for duplicates', async () => {
      return !(await this.a.run('ip', '-6', 'address', 'show')).includes('tentative');
    });
  }
}

/** A user without rights. */
const USER = 12_345;
const AS_USER = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];
