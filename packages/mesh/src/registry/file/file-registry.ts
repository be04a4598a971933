/**
 * `FileRegistry`: a directory that all nodes can access, with a file `NAME.json` for each node.
 *
 * `fs.watch` reports at once what programs on this machine write. It does not report what other
 * machines write to a network file system, so the directory is also read every two seconds.
 *
 * While the directory cannot be reached, nothing is known about the nodes. Later it is reachable
 * again, or another directory has taken its path (perhaps an empty one, because the file system is
 * not mounted). Records that are missing then were not necessarily removed on purpose. So they
 * count as expired, and the record of this node is written again if it is missing.
 *
 * @module
 */
import { join, resolve } from 'node:path';
import { RecordError, type NodeRecord, type ReadRecord } from '../../record/node-record.ts';
import {
  NATIVE_FORMAT,
  readRecordText,
  revokeRecordText,
  writeRecordText,
} from '../../record/record-format.ts';
import { isNodeName } from '../../record/record-fields.ts';
import { RecordReporter } from '../record-reporter.ts';
import type { Registry, RegistryAddress, RegistryListener } from '../registry.ts';
import { DirectoryScanner, recordFileName, type Scan } from './directory-scanner.ts';
import { DirectoryWatch, type WatchDirectory } from './directory-watch.ts';
import { explainFileError } from '../../file-error.ts';
import { readRegularFile, systemFiles, type FileAccess } from './file-access.ts';
import { DelayedReports } from './delayed-reports.ts';
import { replaceFile } from './replace-file.ts';

/** Options of a `FileRegistry`. All are for tests and unusual systems. */
export interface FileRegistryOptions {
  /**
   * Calls `run` once after `ms` milliseconds, unless the returned function is called before.
   * Default: a timer.
   */
  readonly schedule?: (ms: number, run: () => void) => () => void;
  /** Default: `fs.watch`. */
  readonly watch?: WatchDirectory;
  /** Default: the file system of this machine. */
  readonly files?: FileAccess;
}

type Readable = Extract<Scan, { readonly trouble?: undefined }>;

/**
 * A directory that all nodes can access, with a file `NAME.json` for each node.
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { FileRegistry, type NodeRecord } from '@litz/mesh';
 * import { generateKeyPair, parseCidr } from '@litz/core';
 *
 * const registry = new FileRegistry(mkdtempSync('/tmp/nodes-'));
 * const key = { publicKey: generateKeyPair().publicKey, generation: 1, createdAt: Date.now() };
 * const record: NodeRecord = {
 *   name: 'a',
 *   addresses: ['192.0.2.1'],
 *   port: 51871,
 *   keys: [key],
 *   prefixes: [parseCidr('10.244.1.0/24')],
 *   encryptsNode: false,
 *   sendsPlaintext: false,
 *   revoked: false,
 * };
 * await registry.publish(record);
 * registry.follow({
 *   onSync: (records) => {
 *     console.log([...records.keys()]); //=> [ 'a' ]
 *     void registry.close();
 *   },
 *   onRecord: (name) => console.log(`${name} is new or has changed`),
 *   onGone: (name, why) => console.log(`${name} is gone: ${why}`),
 *   onConnection: (trouble) => console.log(trouble ?? 'the registry answers'),
 * });
 * ```
 */
export class FileRegistry implements Registry {
  readonly description: string;
  readonly missingMeans = 'expired';
  readonly #path: string;
  readonly #schedule: NonNullable<FileRegistryOptions['schedule']>;
  readonly #files: FileAccess;
  readonly #scanner: DirectoryScanner;
  readonly #watch: DirectoryWatch;
  #reporter: RecordReporter | undefined;
  /** The record that this node has published. It is written again if the directory is lost. */
  #published: NodeRecord | undefined;
  #hasLostPublished = false;
  /**
   * `Scan.directory` of the last reported records: a number that rises when another directory has
   * taken the path. Undefined before the first sync.
   */
  #directory: number | undefined;
  #isUnreachable = false;
  readonly #delayed = new DelayedReports();
  #scan: Promise<void> | undefined;
  /** In milliseconds. How long to wait before the next scan, at most the polling interval. */
  #nextScanMs = POLL_MS;
  /**
   * In milliseconds. The sum of the waits since the last polled scan. A scan is polled if this sum
   * has reached `POLL_MS`.
   */
  #waitedMs = POLL_MS;
  #writing: Promise<void> = Promise.resolve();
  #cancel: () => void = () => {};
  #isClosed = false;

  /** @param path the directory; the first `publish` creates it if it does not exist */
  constructor(path: string, options: FileRegistryOptions = {}) {
    const { schedule = timer, watch, files = systemFiles } = options;
    this.#path = resolve(path);
    this.description = `file:${this.#path}`;
    this.#schedule = schedule;
    this.#files = files;
    this.#scanner = new DirectoryScanner(this.#path, files);
    this.#watch = new DirectoryWatch(this.#path, () => this.#scanSoon(), watch);
  }

  follow(listener: RegistryListener): void {
    if (this.#reporter) throw new Error(`${this.description}: follow was already called`);
    this.#reporter = new RecordReporter({
      onSync: (records) => listener.onSync(records),
      onRecord: (name, record) => listener.onRecord(name, record),
      onGone: (name, why) => {
        // The node was removed on purpose, so nothing is written until the next `publish`.
        if (why === 'deleted' && name === this.#published?.name) this.#published = undefined;
        listener.onGone(name, why);
      },
      onConnection: (trouble) => listener.onConnection(trouble),
    });
    this.#startScan();
  }

  async publish(record: NodeRecord): Promise<void> {
    if (!isNodeName(record.name))
      throw new RecordError(record.name, 'name', 'is not a valid node name');
    // If the record was published and was not reported as deleted, its file must still be there.
    let wasThere = this.#isFollowedAndPublished(record.name);
    await this.#change(record.name, (previous) => {
      const isThere = previous !== undefined && !isRevoked(record.name, previous);
      if (wasThere && !isThere) throw new Error('the record was removed meanwhile');
      wasThere = isThere;
      return writeRecordText(NATIVE_FORMAT, record, previous);
    });
    this.#published = record;
  }

  async withdraw(name: string): Promise<void> {
    this.#published = undefined;
    this.#hasLostPublished = false;
    await this.#change(name, (previous) =>
      previous === undefined ? undefined : revokeRecordText(NATIVE_FORMAT, name, previous),
    );
  }

  addresses(): Promise<readonly RegistryAddress[]> {
    return Promise.resolve([]);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#reporter?.close();
    this.#cancel();
    this.#watch.close();
    await this.#scan;
  }

  /**
   * Changes the file of a node. Changes run one after the other, so that an earlier change never
   * overwrites a later change.
   *
   * @param change returns the new text for the current text; if it returns undefined, the file
   *   stays as it is
   */
  #change(
    name: string,
    change: (previous: string | undefined) => string | undefined,
  ): Promise<void> {
    const written = this.#writing.then(() => this.#changeNow(name, change));
    this.#writing = written.catch(() => {});
    return written;
  }

  async #changeNow(
    name: string,
    change: (previous: string | undefined) => string | undefined,
  ): Promise<void> {
    const file = recordFileName(name);
    try {
      if (this.#directory === undefined) await this.#files.mkdir(this.#path, { recursive: true });
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const previous = await readRegularFile(this.#files, join(this.#path, file));
        const text = change(previous && (previous.text ?? ''));
        if (text === undefined || previous?.text === `${text}\n`) return;
        const former = previous?.text;
        const replacement = {
          name: file,
          text: `${text}\n`,
          ...(former !== undefined && { former }),
        };
        if (await replaceFile(this.#files, this.#path, replacement)) return this.#scanSoon();
      }
      throw new Error('other programs change the file again and again');
    } catch (error) {
      this.#scanSoon();
      const reason = explainFileError(error);
      throw new Error(`${file} cannot be written in ${this.#path}: ${reason}`, { cause: error });
    }
  }

  #isFollowedAndPublished(name: string): boolean {
    return (
      this.#reporter !== undefined && this.#published?.name === name && !this.#hasLostPublished
    );
  }

  /**
   * Schedules a scan after a short wait, because the program that has changed something may still
   * be writing.
   */
  #scanSoon(): void {
    if (this.#nextScanMs === SETTLE_MS) return;
    this.#nextScanMs = SETTLE_MS;
    if (!this.#scan) this.#scheduleScan();
  }

  #scheduleScan(): void {
    if (!this.#reporter || this.#isClosed) return;
    this.#cancel();
    this.#cancel = this.#schedule(this.#nextScanMs, () => this.#startScan());
  }

  #startScan(): void {
    this.#waitedMs += this.#nextScanMs;
    const isPolled = this.#waitedMs >= POLL_MS;
    if (isPolled) this.#waitedMs = 0;
    this.#nextScanMs = POLL_MS;
    this.#cancel();
    this.#scan = this.#runScan(isPolled).finally(() => {
      this.#scan = undefined;
      this.#scheduleScan();
    });
  }

  async #runScan(isPolled: boolean): Promise<void> {
    // The watch starts before the scan, so that no change during the scan is missed.
    this.#watch.start();
    const scan = await this.#scanner.scan();
    if (this.#isClosed) return;
    if (scan.trouble !== undefined) {
      this.#watch.stop();
      this.#isUnreachable = true;
      this.#reporter?.connection(scan.trouble);
      return;
    }
    this.#report(scan, isPolled);
    if (this.#hasLostPublished) await this.#publishAgain();
  }

  #report({ directory, records }: Readable, isPolled: boolean): void {
    const reporter = this.#reporter!;
    const isFirst = this.#directory === undefined;
    const isBack = !isFirst && (this.#isUnreachable || this.#directory !== directory);
    reporter.connection(undefined);
    if (isFirst || isBack) {
      const reportable = isFirst
        ? records
        : this.#delayed.reportable(records, reporter.reported, isPolled);
      reporter.sync(reportable, () => 'expired');
    } else {
      const reportable = this.#delayed.reportable(records, reporter.reported, isPolled);
      const gone = this.#delayed.confirmedMissing(records, reporter.reported);
      for (const name of gone) reporter.gone(name, 'deleted');
      for (const [name, record] of reportable) reporter.record(name, record);
      if (this.#delayed.isMissing) this.#nextScanMs = Math.min(this.#nextScanMs, CONFIRM_MS);
    }
    this.#directory = directory;
    this.#isUnreachable = false;
    if (isBack) this.#restartWatch(records);
  }

  /**
   * Stops the watch. The next scan starts it again, because a watch follows the directory and not
   * its path. Also notes whether the record of this node is missing.
   */
  #restartWatch(records: ReadonlyMap<string, ReadRecord>): void {
    this.#watch.stop();
    this.#scanSoon();
    const own = this.#published?.name;
    this.#hasLostPublished = own !== undefined && !records.has(own);
  }

  async #publishAgain(): Promise<void> {
    if (!this.#published) return;
    try {
      await this.publish(this.#published);
      this.#hasLostPublished = false;
    } catch (error) {
      this.#reporter?.connection((error as Error).message);
    }
  }
}

function isRevoked(name: string, text: string): boolean {
  const record = readRecordText(NATIVE_FORMAT, name, text);
  return !(record instanceof RecordError) && record.revoked;
}

function timer(ms: number, run: () => void): () => void {
  const handle = setTimeout(run, ms);
  return () => clearTimeout(handle);
}

/** In milliseconds. Polling is needed because network file systems report no changes. */
const POLL_MS = 2000;
/**
 * In milliseconds. Programs change a directory in several steps, so a scan waits this long after a
 * change.
 */
const SETTLE_MS = 20;
/**
 * In milliseconds. Editors move a file away before they write the new file, so a missing file is
 * checked again after this time.
 */
const CONFIRM_MS = 100;
/** How many times a write is tried if other programs change the file in between. */
const ATTEMPTS = 5;
