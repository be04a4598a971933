/**
 * Runs a real etcd on loopback, in a temporary folder.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { etcdFlags, programRequirement, type Requirement } from '@litz/testkit';
import { EtcdClient } from '../../../src/registry/etcd/etcd-client.ts';
import type { EtcdTlsFiles } from '../../../src/registry/etcd/etcd-tls.ts';
import { parseEtcdEndpoints } from '../../../src/registry/etcd/etcd-endpoints.ts';
import { EtcdError, GRPC_CODES } from '../../../src/registry/etcd/etcd-error.ts';
import { makeCertificates } from './etcd-certificates.ts';

export const etcdProgram: Requirement = programRequirement('etcd');

export interface EtcdOptions {
  /** Uses TLS, and requires client certificates. */
  readonly tls?: boolean;
  /** Returns more arguments of etcd. `folder` is for files that they name. */
  readonly flags?: (folder: string) => readonly string[];
}

export class RealEtcd {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'litz-etcd-'));
  readonly port: number;
  /** The port for an administrator, without TLS. */
  readonly administrationPort: number;
  readonly #name: string;
  readonly #peerPort: number;
  readonly #members: string;
  readonly #isEncrypted: boolean;
  readonly #flags: readonly string[];
  #server: ChildProcess | undefined;

  static async start(options: EtcdOptions = {}): Promise<RealEtcd> {
    const [etcd] = (await RealEtcd.startCluster(1, options)) as [RealEtcd];
    return etcd;
  }

  /** Starts the members of one cluster. */
  static async startCluster(count: number, options: EtcdOptions = {}): Promise<RealEtcd[]> {
    const ports = await freePorts(3 * count);
    const peers = ports.splice(count);
    const administrationPorts = peers.splice(count);
    const members = peers.map((port, i) => `m${i}=http://127.0.0.1:${port}`).join(',');
    const places = ports.map((port, i) => ({
      name: `m${i}`,
      port,
      administrationPort: administrationPorts[i],
      peerPort: peers[i],
      members,
    }));
    const etcds = places.map((place) => new RealEtcd(place, options));
    try {
      await Promise.all(etcds.map((etcd) => etcd.startServer()));
      return etcds;
    } catch (error) {
      await Promise.all(etcds.map((etcd) => etcd.close()));
      throw error;
    }
  }

  private constructor(place: MemberPlace, { tls = false, flags = () => [] }: EtcdOptions) {
    this.port = place.port;
    this.administrationPort = place.administrationPort;
    this.#name = place.name;
    this.#peerPort = place.peerPort;
    this.#members = place.members;
    this.#isEncrypted = tls;
    this.#flags = flags(this.folder);
    if (tls) makeCertificates(this.folder);
  }

  get url(): string {
    return `${this.#isEncrypted ? 'etcds' : 'etcd'}://127.0.0.1:${this.port}`;
  }

  /** The files of the client certificate with the common name `n1`. */
  get tls(): Required<EtcdTlsFiles> {
    return { ca: this.file('ca.crt'), certificate: this.file('n1.crt'), key: this.file('n1.key') };
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file that only its owner can read. Returns its path. */
  write(name: string, text: string): string {
    writeFileSync(this.file(name), text, { mode: 0o600 });
    return this.file(name);
  }

  /** Starts etcd. Resolves when it answers. */
  async startServer(): Promise<void> {
    const log = openSync(this.file('etcd.log'), 'a');
    const client = `${this.#isEncrypted ? 'https' : 'http'}://127.0.0.1:${this.port}`;
    const peer = `http://127.0.0.1:${this.#peerPort}`;
    const tlsFlags = [
      `--cert-file=${this.file('server.crt')}`,
      `--key-file=${this.file('server.key')}`,
      `--trusted-ca-file=${this.file('ca.crt')}`,
      '--client-cert-auth=true',
    ];
    this.#server = spawn(
      'etcd',
      [
        ...etcdFlags({
          dataFolder: this.file('data'),
          client,
          moreClients: [`http://127.0.0.1:${this.administrationPort}`],
          peer,
          member: { name: this.#name, members: this.#members },
        }),
        '--bcrypt-cost=4',
        ...(this.#isEncrypted ? tlsFlags : []),
        // With these times, a single member elects itself at once. The shortest lease also depends
        // on them.
        ...(this.#members.includes(',')
          ? []
          : ['--heartbeat-interval=20', '--election-timeout=200']),
        ...this.#flags,
      ],
      { stdio: ['ignore', log, log] },
    );
    await this.#untilReady();
  }

  /** Kills the process with SIGKILL, as a crash would end it. */
  async killServer(): Promise<void> {
    const server = this.#server;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }

  /** Stops the process with SIGSTOP: connections stay open, and requests get no answer. */
  freeze(): void {
    this.#server?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#server?.kill('SIGCONT');
  }

  /** Kills the process, deletes all data, and starts etcd again. */
  async replace(): Promise<void> {
    await this.killServer();
    rmSync(this.file('data'), { recursive: true, force: true });
    await this.startServer();
  }

  async close(): Promise<void> {
    this.thaw();
    await this.killServer();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #untilReady(): Promise<void> {
    const options = this.#isEncrypted ? { tls: this.tls } : {};
    const client = new EtcdClient(parseEtcdEndpoints(this.url), options);
    const deadline = performance.now() + 30_000;
    try {
      for (;;) {
        const error: unknown = await client
          .range({ key: Buffer.from('x') })
          .catch((e: unknown) => e);
        const isAnswer = !(error instanceof EtcdError) || error.code !== GRPC_CODES.unavailable;
        if (isAnswer) return;
        if (this.#server?.exitCode !== null || performance.now() > deadline) {
          const tail = readFileSync(this.file('etcd.log'), 'utf8').split('\n').slice(-5).join('\n');
          throw new Error(`etcd is not ready: ${error.message}\n${tail}`);
        }
        await sleep(50);
      }
    } finally {
      client.close();
    }
  }
}

interface MemberPlace {
  readonly name: string;
  readonly port: number;
  readonly administrationPort: number;
  readonly peerPort: number;
  /** All members of the cluster, in the form of etcd's flag. */
  readonly members: string;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
