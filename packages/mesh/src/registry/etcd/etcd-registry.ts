/**
 * `EtcdRegistry`: the records as keys of etcd. Each key has a lease that the record's node renews.
 *
 * A record whose lease ran out is reported as expired. A record that is gone while its lease still
 * lives, or that had no lease, was deleted on purpose. If no agent reads etcd between the deletion
 * and the end of the lease, a deleted record looks like an expired one. Therefore `withdraw` does
 * not delete the record. It writes `revoked: true` into the record and detaches the record from its
 * lease. So the record stays, and says that its node was removed on purpose.
 *
 * @module
 */
import { RecordError, type NodeRecord, type ReadRecord } from '../../record/node-record.ts';
import {
  ciliumFormat,
  NATIVE_FORMAT,
  readRecordText,
  type RecordFormat,
} from '../../record/record-format.ts';
import { isNodeName } from '../../record/record-fields.ts';
import type { Clock } from '../clock.ts';
import { RecordReporter, type GoneReason } from '../record-reporter.ts';
import type { Registry, RegistryAddress, RegistryListener } from '../registry.ts';
import { EtcdClient, type EtcdApi, type EtcdUser } from './etcd-client.ts';
import {
  formatEndpoint,
  parseEtcdEndpoints,
  resolveEndpoints,
  type EtcdEndpoints,
  type LookUp,
} from './etcd-endpoints.ts';
import { EtcdError } from './etcd-error.ts';
import type { EtcdTlsFiles } from './etcd-tls.ts';
import type { KeyValue } from './etcd-messages.ts';
import { KeyWatch, type KeyList } from './key-watch.ts';
import { LeasedRecord, textOf } from './leased-record.ts';

/** Options of an `EtcdRegistry`. */
export interface EtcdRegistryOptions {
  /**
   * `litz` (default): Litz's own format. `cilium`: the format in which Cilium's agents store the
   * nodes of a cluster in etcd.
   */
  readonly format?: 'litz' | 'cilium';
  /** The name of the cluster, only with `cilium`. Default: `default`. */
  readonly cluster?: string;
  /** The prefix of all keys. Default: `litz/nodes/v1/`, or `cilium/state/nodes/v1/CLUSTER/`. */
  readonly prefix?: string;
  /**
   * In seconds. How long a record stays after its agent has ended, at least 2. Default: 900, as in
   * Cilium.
   */
  readonly leaseSeconds?: number;
  /** The certificates, only with `etcds://`. */
  readonly tls?: EtcdTlsFiles;
  readonly user?: EtcdUser;
  readonly clock?: Clock;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
  readonly lookUp?: LookUp;
}

/**
 * The records of nodes as keys of etcd. Each key has a lease that the record's node renews. The
 * registry connects to etcd when it is used, and reconnects by itself until `close`.
 */
export class EtcdRegistry implements Registry {
  readonly description: string;
  readonly missingMeans = 'expired';
  readonly #endpoints: EtcdEndpoints;
  readonly #options: EtcdRegistryOptions;
  readonly #api: EtcdApi;
  readonly #prefix: string;
  readonly #format: RecordFormat;
  readonly #own: LeasedRecord;
  #watch: KeyWatch | undefined;
  #reporter: RecordReporter | undefined;
  /** The lease of each record in etcd; 0 if it has none. */
  #leases = new Map<string, bigint>();
  #watchTrouble: string | undefined;
  #ownTrouble: string | undefined;
  #isClosed = false;

  /**
   * @param url `etcd://HOST:PORT[,HOST:PORT]`, or `etcds://` for TLS
   * @throws {TypeError} the URL is not of this form, or the options contradict it
   */
  constructor(url: string, options: EtcdRegistryOptions = {}) {
    const { format = 'litz', cluster = 'default', leaseSeconds = LEASE_SECONDS } = options;
    this.#endpoints = parseEtcdEndpoints(url);
    checkOptions(this.#endpoints, options);
    this.#options = options;
    const isCilium = format === 'cilium';
    this.#format = isCilium ? ciliumFormat({ cluster }) : NATIVE_FORMAT;
    this.#prefix = options.prefix ?? (isCilium ? `${CILIUM_KEYS}${cluster}/` : LITZ_KEYS);
    this.#api = new EtcdClient(this.#endpoints, { ...options, prefix: this.#prefix });
    const { list, isEncrypted } = this.#endpoints;
    const endpoints = list.map(formatEndpoint).join(',');
    this.description = `${isEncrypted ? 'etcds' : 'etcd'}://${endpoints}`;
    this.#own = new LeasedRecord(this.#api, {
      ...timeOf(options),
      prefix: this.#prefix,
      format: this.#format,
      leaseSeconds,
      onTrouble: (trouble) => {
        this.#ownTrouble = trouble;
        this.#reportTrouble();
      },
    });
  }

  follow(listener: RegistryListener): void {
    if (this.#reporter) throw new Error(`${this.description}: follow was already called`);
    this.#reporter = new RecordReporter(listener);
    if (this.#isClosed) return;
    this.#watch = new KeyWatch(
      this.#api,
      this.#prefix,
      {
        read: (name, value) => this.#read(name, value),
        onList: (list) => this.#listed(list),
        onPut: (name, value) => this.#put(name, value),
        onDeleted: (name, revision) => this.#deleted(name, revision),
        onTrouble: (trouble) => {
          this.#watchTrouble = trouble;
          this.#reportTrouble();
        },
      },
      timeOf(this.#options),
    );
    this.#watch.start();
  }

  async publish(record: NodeRecord): Promise<void> {
    if (!isNodeName(record.name)) {
      throw new RecordError(record.name, 'name', 'is not a valid node name');
    }
    await this.#own.publish(record);
  }

  withdraw(name: string): Promise<void> {
    return this.#own.withdraw(name);
  }

  addresses(): Promise<readonly RegistryAddress[]> {
    return resolveEndpoints(this.#endpoints, this.#options.lookUp);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#reporter?.close();
    this.#own.close();
    this.#api.close();
    await this.#watch?.stop();
  }

  async #listed({ values, revision, isSameHistory }: KeyList): Promise<void> {
    const reporter = this.#reporter!;
    const missing = [...reporter.reported.keys()].filter((name) => !values.has(name));
    // A server that has lost its history cannot say which keys were deleted.
    const reasons = isSameHistory ? await this.#reasonsOf(missing) : new Map<string, GoneReason>();
    const reasonOf = (name: string): GoneReason => reasons.get(name) ?? 'expired';
    const records = new Map([...values].map(([name, { record }]) => [name, record]));
    const own = this.#own.name;
    const wasReported = own !== undefined && reporter.reported.has(own);
    this.#leases = new Map([...values].map(([name, { lease }]) => [name, lease]));
    reporter.sync(records, reasonOf);
    if (own === undefined) return;
    const isMissing = wasReported && !records.has(own);
    // A revision of another history cannot be compared with the revision of the last write.
    const seenRevision = isSameHistory ? revision : FAR;
    this.#own.seen(isMissing ? reasonOf(own) : records.get(own), seenRevision);
  }

  #put(name: string, value: KeyValue): void {
    const record = this.#read(name, value);
    this.#leases.set(name, value.lease);
    this.#reporter!.record(name, record);
    if (name === this.#own.name) this.#own.seen(record, value.modRevision);
  }

  async #deleted(name: string, revision: bigint): Promise<void> {
    const why = await this.#reasonOf(this.#leases.get(name) ?? 0n);
    this.#leases.delete(name);
    this.#reporter!.gone(name, why);
    if (name === this.#own.name) this.#own.seen(why, revision);
  }

  async #reasonsOf(names: readonly string[]): Promise<Map<string, GoneReason>> {
    const reasons = names.map(
      async (name) => [name, await this.#reasonOf(this.#leases.get(name) ?? 0n)] as const,
    );
    return new Map(await Promise.all(reasons));
  }

  /**
   * Returns why a key with this lease is gone. A lease with less than one second left counts as
   * expired.
   */
  async #reasonOf(lease: bigint): Promise<GoneReason> {
    if (lease === 0n) return 'deleted';
    try {
      return (await this.#api.leaseTimeToLive(lease)).ttl > 0n ? 'deleted' : 'expired';
    } catch (error) {
      // etcd denies this request only if the lease is alive and has keys that this user may not
      // read.
      if (error instanceof EtcdError && error.isDenied) return 'deleted';
      if (error instanceof EtcdError && error.isLeaseGone) return 'expired';
      throw error;
    }
  }

  #read(name: string, value: KeyValue): ReadRecord {
    return readRecordText(this.#format, name, textOf(value));
  }

  #reportTrouble(): void {
    this.#reporter?.connection(this.#watchTrouble ?? this.#ownTrouble);
  }
}

function checkOptions({ isEncrypted }: EtcdEndpoints, options: EtcdRegistryOptions): void {
  const { tls = {}, format = 'litz', cluster, prefix = 'x', leaseSeconds } = options;
  if (!isEncrypted && Object.values(tls).some((file) => file !== undefined)) {
    throw new TypeError('certificates need TLS: use etcds:// instead of etcd://');
  }
  if ((tls.certificate === undefined) !== (tls.key === undefined)) {
    throw new TypeError(
      'a client certificate needs its key, and a key needs its certificate: give both',
    );
  }
  if (cluster !== undefined && format !== 'cilium') {
    throw new TypeError('the name of a cluster is allowed only with the format "cilium"');
  }
  if (cluster !== undefined && !isNodeName(cluster)) {
    throw new TypeError(
      'the name of the cluster may contain only letters, digits, dots, hyphens and underscores',
    );
  }
  if (leaseSeconds !== undefined && !(leaseSeconds >= SHORTEST_LEASE)) {
    throw new TypeError(`the lease must live for at least ${SHORTEST_LEASE} seconds`);
  }
  if (prefix === '') throw new TypeError('the prefix of the keys must not be empty');
}

function timeOf({ clock, random }: EtcdRegistryOptions): { clock?: Clock; random?: () => number } {
  return { ...(clock && { clock }), ...(random && { random }) };
}

const LITZ_KEYS = 'litz/nodes/v1/';
const CILIUM_KEYS = 'cilium/state/nodes/v1/';
const LEASE_SECONDS = 900;
/**
 * In seconds. The shortest lease that is allowed. While it is renewed, it always has at least one
 * whole second left, so it does not count as expired.
 */
const SHORTEST_LEASE = 2;
/** Higher than any revision. */
const FAR = 2n ** 63n;
