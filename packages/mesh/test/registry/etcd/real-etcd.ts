/**
 * A real etcd on loopback, in a folder that goes with it.
 *
 * @module
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { programRequirement, type Requirement } from '@litz/testkit';
import { EtcdClient, type EtcdTlsFiles } from '../../../src/registry/etcd/etcd-client.ts';
import { parseEtcdEndpoints } from '../../../src/registry/etcd/etcd-endpoints.ts';
import { EtcdError, GRPC_CODES } from '../../../src/registry/etcd/etcd-error.ts';

export const etcdProgram: Requirement = programRequirement('etcd');
export const opensslProgram: Requirement = programRequirement('openssl', ['version']);

export class RealEtcd {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'litz-etcd-'));
  readonly port: number;
  readonly #peerPort: number;
  readonly #isEncrypted: boolean;
  #server: ChildProcess | undefined;

  /** @param options.tls with certificates of its own; it asks the clients for theirs */
  static async start({ tls = false }: { readonly tls?: boolean } = {}): Promise<RealEtcd> {
    const [port, peerPort] = (await freePorts(2)) as [number, number];
    const etcd = new RealEtcd(port, { peerPort, isEncrypted: tls });
    try {
      if (tls) makeCertificates(etcd.folder);
      await etcd.startServer();
      return etcd;
    } catch (error) {
      await etcd.close();
      throw error;
    }
  }

  private constructor(
    port: number,
    { peerPort, isEncrypted }: { readonly peerPort: number; readonly isEncrypted: boolean },
  ) {
    this.port = port;
    this.#peerPort = peerPort;
    this.#isEncrypted = isEncrypted;
  }

  get url(): string {
    return `${this.#isEncrypted ? 'etcds' : 'etcd'}://127.0.0.1:${this.port}`;
  }

  /** Of a client with a common name, as etcd's own tools make them. */
  get tls(): Required<EtcdTlsFiles> {
    return { ca: this.file('ca.crt'), certificate: this.file('n1.crt'), key: this.file('n1.key') };
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  /** A file with that text, for a password. */
  write(name: string, text: string): string {
    writeFileSync(this.file(name), text, { mode: 0o600 });
    return this.file(name);
  }

  /** Resolves when it answers. */
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
        `--data-dir=${this.file('data')}`,
        `--listen-client-urls=${client}`,
        `--advertise-client-urls=${client}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=default=${peer}`,
        '--unsafe-no-fsync=true',
        '--bcrypt-cost=4',
        ...(this.#isEncrypted ? tlsFlags : []),
      ],
      { stdio: ['ignore', log, log] },
    );
    await this.#untilReady();
  }

  /** As a crash does. */
  async killServer(): Promise<void> {
    const server = this.#server;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }

  /** Connections stay open, and nothing answers. */
  freeze(): void {
    this.#server?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#server?.kill('SIGCONT');
  }

  /** All it held is lost. */
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

/** An authority, a server on loopback, and two clients with a common name; one of another authority. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const days = ['-days', '2'];
  for (const authority of ['ca', 'other-ca']) {
    const files = ['-keyout', `${authority}.key`, '-out', `${authority}.crt`];
    openssl('req', '-x509', ...key, ...files, '-subj', `/CN=${authority}`, ...days);
  }
  for (const [name, extension, authority] of [
    ['server', 'subjectAltName=IP:127.0.0.1', 'ca'],
    ['n1', 'extendedKeyUsage=clientAuth', 'ca'],
    ['stranger', 'extendedKeyUsage=clientAuth', 'other-ca'],
  ] as const) {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.csr`];
    openssl('req', ...key, ...files, '-subj', `/CN=${name}`);
    writeFileSync(join(folder, 'extension'), extension);
    const signer = ['-CA', `${authority}.crt`, '-CAkey', `${authority}.key`, '-CAcreateserial'];
    const made = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-extfile', 'extension'];
    openssl('x509', '-req', ...made, ...signer, ...days);
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
