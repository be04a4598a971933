/**
 * `KubernetesRegistry`: the records as Kubernetes objects, one for each node.
 *
 * A record is written by server-side apply, so that other writers keep their fields. The Node of
 * the same name owns the record: when the Node is deleted, Kubernetes deletes the record. This
 * client could write any record. The admission policy of the Helm chart ensures that a node writes
 * only its own record.
 *
 * @module
 */
import { lookup as lookupName } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { RecordError, type NodeRecord, type ReadRecord } from '../../record/node-record.ts';
import { RecordReporter } from '../record-reporter.ts';
import type { LitzNodeStatus, Registry, RegistryAddress, RegistryListener } from '../registry.ts';
import { type Clock } from '../clock.ts';
import type { KubeApi } from './kube-api.ts';
import { KubeError } from './kube-error.ts';
import {
  fieldsOf,
  fullNameOf,
  textsOf,
  type KubeObject,
  type KubeOwnerReference,
} from './kube-resource.ts';
import { ENDPOINT_SLICES, LITZ_NODES, NODES } from './kube-resources.ts';
import { ListAndWatch } from './list-and-watch.ts';
import { ciliumNodeRecords, litzNodeRecords, type RecordResource } from './record-resource.ts';

/** Options of a `KubernetesRegistry`. */
export interface KubernetesRegistryOptions {
  /**
   * `litz` (default): uses `LitzNode`. `cilium`: uses `CiliumNode`, which Cilium's agents also
   * read.
   */
  readonly format?: 'litz' | 'cilium';
  readonly clock?: Clock;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
  /** Returns all addresses of a host name. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
}

/**
 * The records of nodes as objects of Kubernetes: `LitzNode` or `CiliumNode`.
 */
export class KubernetesRegistry implements Registry {
  readonly description: string;
  readonly missingMeans = 'deleted';
  readonly api: KubeApi;
  readonly #records: RecordResource;
  readonly #options: KubernetesRegistryOptions;
  #following: ListAndWatch<ReadRecord> | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  /**
   * The name of the record that this registry has written. Undefined if it has written no record,
   * or has withdrawn it.
   */
  #published: string | undefined;

  /** @param api the client; `close` of the registry also closes the client */
  constructor(api: KubeApi, options: KubernetesRegistryOptions = {}) {
    this.api = api;
    this.#options = options;
    this.#records = options.format === 'cilium' ? ciliumNodeRecords : litzNodeRecords;
    const { origin } = api.access.server;
    this.description = `kubernetes (${this.#records.resource.kind} at ${origin}, ${api.access.description})`;
  }

  follow(listener: RegistryListener): void {
    if (this.#following) throw new Error('follow was already called');
    const reporter = new RecordReporter(listener);
    const { clock, random } = this.#options;
    this.#following = new ListAndWatch(
      this.api,
      this.#records.resource,
      {
        // The API server has no leases for these objects. So an object is gone only if somebody
        // has deleted it or its Node.
        onSync: (records) => reporter.sync(records, () => 'deleted'),
        onObject: (name, record) => reporter.record(name, record),
        onDeleted: (name) => reporter.gone(name, 'deleted'),
        onTrouble: (trouble) => reporter.connection(trouble),
      },
      {
        read: (object) => this.#records.read(object),
        ...(clock && { clock }),
        ...(random && { random }),
      },
    );
    this.#following.start();
  }

  async publish(record: NodeRecord): Promise<void> {
    try {
      await this.#inTurn(() => this.#write(record));
    } catch (error) {
      // A RangeError means that unknown fields of another program are nested too deeply.
      if (!(error instanceof RangeError)) throw error;
      const object = `${fullNameOf(this.#records.resource)} ${record.name}`;
      throw new KubeError(`${object} has unknown fields that are nested too deeply: remove them`);
    }
  }

  withdraw(name: string): Promise<void> {
    return this.#inTurn(() => {
      this.#published = undefined;
      return this.api.remove(this.#records.resource, name);
    });
  }

  /**
   * Runs writes one after the other: an apply that reaches the server after a deletion would create
   * the object again.
   */
  #inTurn(write: () => Promise<void>): Promise<void> {
    const written = this.#writing.then(write);
    this.#writing = written.catch(() => {});
    return written;
  }

  async #write(record: NodeRecord): Promise<void> {
    const { resource } = this.#records;
    const current = await this.api.read(resource, record.name);
    // If an administrator has revoked the record meanwhile, it must not be written again.
    if (this.#published === record.name && current && this.#isRevoked(current)) {
      throw new Error(`${resource.kind} ${record.name} was revoked meanwhile`);
    }
    const wanted = this.#records.write(record, current);
    const owner = await this.#owner(record.name);
    // With the UID, the server refuses to create the object again if the object was deleted
    // meanwhile.
    const uid = current?.metadata.uid;
    const metadata = {
      ...wanted.metadata,
      ...(uid !== undefined && { uid }),
      ...(owner && { ownerReferences: [owner] }),
    };
    const object = { ...wanted, metadata };
    if (!current || !includesFields(current, object)) await this.api.apply(resource, object);
    this.#published = record.name;
  }

  #isRevoked(object: KubeObject): boolean {
    const record = this.#records.read(object);
    return !(record instanceof RecordError) && record.revoked;
  }

  /**
   * Writes the status of a `LitzNode`. Does nothing for `CiliumNode`, so that Cilium's status is
   * not overwritten.
   */
  async publishStatus(name: string, status: LitzNodeStatus): Promise<void> {
    if (this.#records.resource !== LITZ_NODES) return;
    const current = await this.api.read(LITZ_NODES, name);
    if (!current || includesFields(current, { metadata: { name }, status })) return;
    await this.api.apply(LITZ_NODES, { metadata: { name }, status }, 'status');
  }

  /**
   * Returns the addresses behind the service `kubernetes`, and the addresses of the API server's
   * URL.
   */
  async addresses(): Promise<readonly RegistryAddress[]> {
    const found = new Map<string, RegistryAddress>();
    const add = (address: string, port: number): void => {
      found.set(`${address} ${port}`, { address, port });
    };
    const { server } = this.api.access;
    const port = Number(server.port || (server.protocol === 'https:' ? 443 : 80));
    for (const address of await this.#resolve(server.hostname)) add(address, port);
    const selection = { labelSelector: 'kubernetes.io/service-name=kubernetes' };
    for await (const { items } of this.api.list(ENDPOINT_SLICES, selection)) {
      for (const endpoint of items.flatMap(endpointsOf)) add(endpoint.address, endpoint.port);
    }
    return [...found.values()];
  }

  async close(): Promise<void> {
    await this.#following?.stop();
    this.api.close();
  }

  async #resolve(hostname: string): Promise<readonly string[]> {
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    return isIP(host) ? [host] : (this.#options.lookup ?? lookupAll)(host);
  }

  /**
   * Returns a reference to the Node that owns the record. Returns undefined for a machine outside
   * the cluster, which has no Node. Only the agent deletes the record of such a machine.
   */
  async #owner(name: string): Promise<KubeOwnerReference | undefined> {
    const uid = (await this.api.read(NODES, name))?.metadata.uid;
    return uid === undefined ? undefined : { apiVersion: 'v1', kind: 'Node', name, uid };
  }
}

/**
 * Returns true if every field of `wanted` is in `current`. Lists must be equal. Only a list of
 * owners may have more entries in `current`.
 */
function includesFields(current: unknown, wanted: unknown): boolean {
  const fields = fieldsOf(wanted);
  if (!fields) return isDeepStrictEqual(current, wanted);
  const there = fieldsOf(current);
  return Object.entries(fields).every(([name, value]) => {
    if (name === 'apiVersion' || name === 'kind') return true;
    if (name !== 'ownerReferences') return includesFields(there?.[name], value);
    const owners = Array.isArray(there?.[name]) ? (there[name] as unknown[]) : [];
    return (value as unknown[]).every((owner) =>
      owners.some((other) => includesFields(other, owner)),
    );
  });
}

function endpointsOf(slice: KubeObject): RegistryAddress[] {
  const ports = objectsOf(slice['ports']).flatMap(({ port }) =>
    typeof port === 'number' ? [port] : [],
  );
  const addresses = objectsOf(slice['endpoints']).flatMap((endpoint) =>
    textsOf(endpoint['addresses']).filter((address) => isIP(address) !== 0),
  );
  return addresses.flatMap((address) => ports.map((port) => ({ address, port })));
}

function objectsOf(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(fieldsOf).filter((entry) => entry !== undefined) : [];
}

async function lookupAll(host: string): Promise<string[]> {
  return (await lookupName(host, { all: true })).map(({ address }) => address);
}
