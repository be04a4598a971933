/**
 * Starts real servers of registries: etcd, or kube-apiserver with an etcd. `close` ends the
 * programs and removes their folder.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { etcdFlags } from '@litz/testkit';
import { missingProgram, RunningCommand } from '../peers/command.ts';
import { HUB_ADDRESS } from './mesh-network.ts';
import type { RegistryPlace } from './registry-place.ts';

export interface RegistryServer {
  readonly place: RegistryPlace;
  /**
   * What the server needs before the first record. Pass it to `prepare`, in the namespace of the
   * server.
   */
  readonly preparation: Preparation;
  close(): Promise<void>;
}

/** Objects for a Kubernetes API server, as plain data. */
export interface Preparation {
  readonly folder: string;
  readonly objects: readonly { readonly path: string; readonly text: string }[];
}

/** The registries that need a server. The third kind of registry, a directory, needs no server. */
export const REGISTRY_NAMES = ['etcd', 'kubernetes'] as const;
export type RegistryName = (typeof REGISTRY_NAMES)[number];

/** Returns why the server of this registry cannot be started; undefined if it can. */
export function missingServer(name: RegistryName): string | undefined {
  const etcd = missingProgram('etcd', ['--version']);
  if (name === 'etcd' || etcd !== undefined) return etcd;
  return missingProgram('kube-apiserver', ['--version']) ?? missingProgram('openssl', ['version']);
}

/**
 * Starts a server in a network namespace. The server is ready only after `prepare`.
 *
 * @param nodes names of the Nodes to create in Kubernetes
 */
export function startRegistry(
  name: RegistryName,
  namespace: string,
  nodes: readonly string[],
): RegistryServer {
  const folder = mkdtempSync(join(tmpdir(), `litz-bench-${name}-`));
  const etcd = startEtcd(folder, namespace);
  const close = async (...programs: RunningCommand[]): Promise<void> => {
    for (const program of programs) await program.end();
    rmSync(folder, { recursive: true, force: true });
  };
  if (name === 'etcd') {
    const place = { type: 'etcd', url: `etcd://${HUB_ADDRESS}:${ETCD_PORT}` } as const;
    return { place, preparation: { folder, objects: [] }, close: () => close(etcd) };
  }
  makeCertificates(folder);
  const server = startKube(folder, namespace);
  const place = { type: 'kubernetes', kubeconfig: writeKubeconfig(folder) } as const;
  const objects = [recordDefinition(), ...nodes.map(nodeObject)];
  return { place, preparation: { folder, objects }, close: () => close(server, etcd) };
}

/**
 * Waits until the server answers, and applies the preparation. Call it in the namespace of the
 * server.
 */
export async function prepare(
  place: RegistryPlace,
  { folder, objects }: Preparation,
): Promise<void> {
  await untilOpen(place.type === 'etcd' ? ETCD_PORT : KUBE_PORT);
  for (const { path, text } of objects) {
    // Repeats each request, because the server answers before all of its parts are ready, and
    // serves a new kind only a moment after it was created.
    await retry(async () => send(folder, 'PATCH', `${path}?fieldManager=bench&force=true`, text));
  }
  if (place.type === 'kubernetes') {
    await retry(async () => send(folder, 'GET', '/apis/litz.dev/v1/litznodes?limit=1'));
  }
}

function startEtcd(folder: string, namespace: string): RunningCommand {
  const client = `http://${HUB_ADDRESS}:${ETCD_PORT}`;
  const peer = `http://${HUB_ADDRESS}:${ETCD_PORT + 1}`;
  const flags = etcdFlags({ dataFolder: join(folder, 'etcd'), client, peer });
  const args = [...flags, '--log-level=error'];
  return new RunningCommand('etcd', args, { namespace });
}

function startKube(folder: string, namespace: string): RunningCommand {
  const file = (name: string): string => join(folder, name);
  const args = [
    `--etcd-servers=http://${HUB_ADDRESS}:${ETCD_PORT}`,
    `--secure-port=${KUBE_PORT}`,
    `--bind-address=${HUB_ADDRESS}`,
    `--advertise-address=${HUB_ADDRESS}`,
    `--cert-dir=${file('certs')}`,
    `--tls-cert-file=${file('server.crt')}`,
    `--tls-private-key-file=${file('server.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    '--service-account-issuer=https://litz.test',
    `--service-account-key-file=${file('sa.key')}`,
    `--service-account-signing-key-file=${file('sa.key')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    // This plugin waits until a controller has made the service account `default`, but no
    // controller runs here.
    '--disable-admission-plugins=ServiceAccount',
  ];
  return new RunningCommand('kube-apiserver', args, { namespace });
}

function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const ca = ['-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=bench', '-days', '2'];
  openssl('req', '-x509', ...key, ...ca);
  for (const [name, subject, extension] of [
    ['server', '/CN=kube-apiserver', `subjectAltName=IP:${HUB_ADDRESS}`],
    ['admin', '/O=system:masters/CN=admin', 'extendedKeyUsage=clientAuth'],
  ] as const) {
    writeFileSync(join(folder, 'extension'), extension);
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    const signer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
    const made = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-extfile', 'extension'];
    openssl('x509', '-req', ...made, ...signer);
  }
  openssl('genrsa', '-out', 'sa.key', '2048');
}

function writeKubeconfig(folder: string): string {
  const path = join(folder, 'kubeconfig');
  const server = `https://${HUB_ADDRESS}:${KUBE_PORT}`;
  const user = { 'client-certificate': 'admin.crt', 'client-key': 'admin.key' };
  const config = {
    'current-context': 'bench',
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'admin' } }],
    clusters: [{ name: 'bench', cluster: { server, 'certificate-authority': 'ca.crt' } }],
    users: [{ name: 'admin', user }],
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

function recordDefinition(): Preparation['objects'][number] {
  const file = new URL('../../../../deploy/chart/litz/crds/litznodes.yaml', import.meta.url);
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/litznodes.litz.dev';
  return { path, text: readFileSync(file, 'utf8') };
}

function nodeObject(name: string): Preparation['objects'][number] {
  const object = { apiVersion: 'v1', kind: 'Node', metadata: { name } };
  return { path: `/api/v1/nodes/${name}`, text: JSON.stringify(object) };
}

async function untilOpen(port: number): Promise<void> {
  await retry(
    () =>
      new Promise<void>((resolve, reject) => {
        const socket = connect(port, HUB_ADDRESS, () => {
          socket.destroy();
          resolve();
        });
        socket.on('error', reject);
      }),
  );
}

/** Repeats `run` until it succeeds. @throws {Error} (rejects) it still fails after `START_MS` */
async function retry(run: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + START_MS;
  for (;;) {
    try {
      await run();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await pause(RETRY_MS);
    }
  }
}

function send(folder: string, method: string, path: string, body = ''): Promise<void> {
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: HUB_ADDRESS,
        port: KUBE_PORT,
        method,
        path,
        agent: false,
        headers: { 'content-type': 'application/apply-patch+yaml', accept: 'application/json' },
        ca: read('ca.crt'),
        cert: read('admin.crt'),
        key: read('admin.key'),
      },
      (response) => {
        response.resume();
        const { statusCode = 0 } = response;
        if (statusCode < 300) resolve();
        else reject(new Error(`${path}: the API server answers ${statusCode}`));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const ETCD_PORT = 2379;
const KUBE_PORT = 6443;
const START_MS = 90_000;
const RETRY_MS = 100;
