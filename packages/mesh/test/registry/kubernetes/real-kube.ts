/**
 * Runs a real API server with its own etcd, on loopback, in a temporary folder.
 *
 * There are no controllers: no program makes the secrets of tokens, collects garbage or runs
 * pods.
 *
 * @module
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createSign, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { etcdFlags, requirement, type Requirement } from '@litz/testkit';
import { inlineCredential } from '../../../src/registry/kubernetes/credential.ts';
import type { KubeAccess } from '../../../src/registry/kubernetes/kube-access.ts';

/** What every test with a real API server needs. CONTRIBUTING.md says how to get the programs. */
export const kubeRequirements: readonly Requirement[] = [
  ...['kube-apiserver', 'etcd'].map((name) =>
    requirement(`program ${name}`, () => {
      const { error } = spawnSync(name, ['--version'], { stdio: 'ignore', timeout: 20_000 });
      return error ? error.message : true;
    }),
  ),
  requirement('program openssl', () => {
    const { error } = spawnSync('openssl', ['version'], { stdio: 'ignore', timeout: 10_000 });
    return error ? error.message : true;
  }),
];

export interface Reply {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the API server answers
  readonly body: any;
}

export interface SendOptions {
  /** A token instead of the administrator's certificate. */
  readonly token?: string;
  /** The name of the client certificate. Default: `admin`. */
  readonly certificate?: string;
  readonly contentType?: string;
  readonly accept?: string;
}

export class RealKube {
  readonly folder: string;
  readonly port: number;
  readonly #etcdPorts: readonly [number, number];
  readonly #agent: https.Agent;
  #etcd: ChildProcess | undefined;
  #server: ChildProcess | undefined;

  static async start(): Promise<RealKube> {
    const [port, client, peer] = await freePorts(3);
    const kube = new RealKube(port, [client, peer]);
    try {
      kube.#startEtcd();
      await kube.startServer();
      return kube;
    } catch (error) {
      await kube.close();
      throw error;
    }
  }

  private constructor(port: number, etcdPorts: readonly [number, number]) {
    this.folder = mkdtempSync(join(tmpdir(), 'litz-kube-'));
    this.port = port;
    this.#etcdPorts = etcdPorts;
    makeCertificates(this.folder);
    this.#agent = new https.Agent({
      keepAlive: true,
      maxSockets: 24,
      ca: this.read('ca.crt'),
    });
  }

  /** The access of the administrator. */
  get access(): KubeAccess {
    return {
      description: 'a real one',
      server: new URL(`https://127.0.0.1:${this.port}`),
      authority: inlineCredential(this.read('ca.crt'), 'ca.crt'),
      certificate: inlineCredential(this.read('admin.crt'), 'admin.crt'),
      key: inlineCredential(this.read('admin.key'), 'admin.key'),
    };
  }

  /** The path of a kubeconfig with the access of the administrator. Each read writes the file. */
  get kubeconfig(): string {
    const path = join(this.folder, 'kubeconfig');
    const cluster = {
      server: `https://127.0.0.1:${this.port}`,
      'certificate-authority': 'ca.crt',
    };
    const user = { 'client-certificate': 'admin.crt', 'client-key': 'admin.key' };
    const config = {
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
      clusters: [{ name: 'test', cluster }],
      users: [{ name: 'admin', user }],
    };
    writeFileSync(path, JSON.stringify(config));
    return path;
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  /** Starts the server. Resolves when the server is ready. */
  async startServer(): Promise<void> {
    const file = (name: string): string => join(this.folder, name);
    const log = openSync(file('kube-apiserver.log'), 'a');
    this.#server = spawn(
      'kube-apiserver',
      [
        `--etcd-servers=http://127.0.0.1:${this.#etcdPorts[0]}`,
        `--secure-port=${this.port}`,
        '--bind-address=127.0.0.1',
        '--advertise-address=192.0.2.1',
        `--cert-dir=${file('certs')}`,
        `--tls-cert-file=${file('server.crt')}`,
        `--tls-private-key-file=${file('server.key')}`,
        `--client-ca-file=${file('ca.crt')}`,
        `--service-account-issuer=${ISSUER}`,
        `--service-account-key-file=${file('sa.key')}`,
        `--service-account-signing-key-file=${file('sa.key')}`,
        '--authorization-mode=RBAC',
        '--allow-privileged=true',
        '--service-cluster-ip-range=10.96.0.0/16',
        // This admission plugin would wait for a controller that creates the account `default`.
        '--disable-admission-plugins=ServiceAccount',
      ],
      { stdio: ['ignore', log, log] },
    );
    await this.#untilReady();
  }

  /** Kills the process with SIGKILL, as a crash would end it. */
  async killServer(): Promise<void> {
    await kill(this.#server);
  }

  /** Stops the process with SIGSTOP: connections stay open, and requests get no answer. */
  freezeServer(): void {
    this.#server?.kill('SIGSTOP');
  }

  thawServer(): void {
    this.#server?.kill('SIGCONT');
  }

  /** Makes a request as the administrator, or with the token or certificate of the options. */
  send(method: string, path: string, body?: unknown, options: SendOptions = {}): Promise<Reply> {
    const { token, certificate = 'admin' } = options;
    const { contentType = 'application/json', accept = 'application/json' } = options;
    const text = body === undefined ? '' : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = https.request(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.port,
          method,
          path,
          headers: {
            accept,
            'content-type': contentType,
            ...(token && { authorization: `Bearer ${token}` }),
          },
          ...(!token && {
            cert: this.read(`${certificate}.crt`),
            key: this.read(`${certificate}.key`),
          }),
        },
        (response) => {
          let answer = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (answer += chunk));
          response.on('error', reject);
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, body: parsed(answer) });
          });
        },
      );
      request.on('error', reject);
      request.end(text);
    });
  }

  /** Applies an object (server-side apply). @throws {Error} the server refused it */
  async apply(path: string, object: unknown, parameters = ''): Promise<Reply> {
    const contentType = 'application/apply-patch+yaml';
    const reply = await this.send(
      'PATCH',
      `${path}?fieldManager=test&force=true${parameters}`,
      object,
      { contentType },
    );
    if (reply.status < 300) return reply;
    throw new Error(`${path}: ${reply.status} ${reply.body?.message ?? reply.body}`);
  }

  /** Returns a token with these claims, issued ten minutes ago, so `exp` can be in the past. */
  signToken(claims: object): string {
    const now = Math.floor(Date.now() / 1000);
    const common = {
      iss: ISSUER,
      aud: [ISSUER],
      iat: now - 600,
      nbf: now - 600,
      jti: randomUUID(),
    };
    const text = `${base64url({ alg: 'RS256' })}.${base64url({ ...common, ...claims })}`;
    const signature = createSign('RSA-SHA256').update(text).sign(this.read('sa.key'), 'base64url');
    return `${text}.${signature}`;
  }

  async close(): Promise<void> {
    this.thawServer();
    this.#agent.destroy();
    await kill(this.#server);
    await kill(this.#etcd);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #startEtcd(): void {
    const [client, peer] = this.#etcdPorts.map((port) => `http://127.0.0.1:${port}`);
    const log = openSync(join(this.folder, 'etcd.log'), 'a');
    const flags = etcdFlags({ dataFolder: join(this.folder, 'etcd'), client, peer });
    this.#etcd = spawn('etcd', flags, { stdio: ['ignore', log, log] });
  }

  async #untilReady(): Promise<void> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const reply = await this.send('GET', '/readyz').catch(() => undefined);
      if (reply?.status === 200) return;
      if (this.#server?.exitCode !== null || Date.now() > deadline) {
        const tail = this.read('kube-apiserver.log').split('\n').slice(-5).join('\n');
        throw new Error(`kube-apiserver is not ready:\n${tail}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function kill(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/**
 * Makes an authority, the certificates of the server, an administrator and an agent, and the key
 * that signs tokens.
 */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-subj',
    '/CN=test',
    '-days',
    '2',
  );
  for (const [name, subject, extension] of [
    ['server', '/CN=kube-apiserver', 'subjectAltName=IP:127.0.0.1'],
    ['admin', '/O=system:masters/CN=admin', 'extendedKeyUsage=clientAuth'],
    ['agent', '/CN=system:serviceaccount:litz-system:litz', 'extendedKeyUsage=clientAuth'],
  ] as const) {
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    writeFileSync(join(folder, `${name}.ext`), extension);
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-out',
      `${name}.crt`,
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
    );
  }
  openssl('genrsa', '-out', 'sa.key', '2048');
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const ISSUER = 'https://litz.test';
