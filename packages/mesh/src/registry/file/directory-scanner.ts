/**
 * `DirectoryScanner`: reads the records in a directory. A scan reads only files that are new or
 * have changed. For unchanged files it returns the same objects again.
 *
 * When a program replaces a file by rename, the modification time of the directory changes, so the
 * next scan finds the change. When a program edits a file in place, only the time of the file
 * changes. In a directory with many files, each scan looks at only a part of them, so that a scan
 * of thousands of files costs little. A change in place is then found some scans later.
 *
 * @module
 */
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { RecordError, type ReadRecord } from '../../record/node-record.ts';
import { NATIVE_FORMAT, readRecordText } from '../../record/record-format.ts';
import { errnoOf, explainFileError } from '../../file-error.ts';
import { readRegularFile, type FileAccess } from './file-access.ts';

/** The result of a scan. */
export type Scan =
  | { readonly trouble: string; readonly directory?: undefined }
  | {
      readonly trouble?: undefined;
      /** A number that rises when another directory has taken the path. */
      readonly directory: number;
      readonly records: ReadonlyMap<string, ReadRecord>;
    };

interface ScannedFile {
  /** A text that changes with each change of the file. */
  readonly version: string;
  readonly text: string | undefined;
  readonly record: ReadRecord;
}

export class DirectoryScanner {
  readonly #path: string;
  readonly #files: FileAccess;
  #known = new Map<string, ScannedFile>();
  #directory = 0;
  #state: BigIntStats | undefined;
  /** How many of the next scans look at every file. */
  #wholeScans = 2;
  #turn = 0;

  constructor(path: string, files: FileAccess) {
    this.#path = path;
    this.#files = files;
  }

  async scan(): Promise<Scan> {
    let names: string[];
    try {
      const state = await this.#files.stat(this.#path, { bigint: true });
      names = await this.#files.readdir(this.#path);
      this.#noteDirectory(state);
    } catch (error) {
      return { trouble: `${this.#path}: ${explainFileError(error)}` };
    }
    const nodes = names.filter(isRecordFile).map((name) => name.slice(0, -SUFFIX.length));
    const known = new Map<string, ScannedFile>();
    await inTurns(nodes.toSorted(), async (node, i) => {
      const before = this.#known.get(node);
      const file =
        before && !this.#isDue(i, nodes.length) ? before : await this.#look(node, before);
      if (file) known.set(node, file);
    });
    this.#known = known;
    this.#turn++;
    if (this.#wholeScans > 0) this.#wholeScans--;
    const records = [...known].map(([name, { record }]) => [name, record] as const);
    return { directory: this.#directory, records: new Map(records) };
  }

  /**
   * Compares the directory with the last scan. After a change, this scan looks at every file, and
   * so does the next scan: a second change may have the same time as the first one, because the
   * times of a file system have a limited resolution.
   */
  #noteDirectory(state: BigIntStats): void {
    const before = this.#state;
    this.#state = state;
    const isSame = before && isSameDirectory(before, state);
    if (isSame && before.mtimeNs === state.mtimeNs && before.ctimeNs === state.ctimeNs) return;
    this.#wholeScans = 2;
    if (isSame) return;
    this.#known.clear();
    this.#directory++;
  }

  #isDue(i: number, count: number): boolean {
    if (this.#wholeScans > 0 || count <= FILES_PER_SCAN) return true;
    const turns = Math.ceil(count / FILES_PER_SCAN);
    return i % turns === this.#turn % turns;
  }

  async #look(node: string, before: ScannedFile | undefined): Promise<ScannedFile | undefined> {
    const path = join(this.#path, node + SUFFIX);
    let version: string;
    try {
      const state = await this.#files.lstat(path, { bigint: true });
      // Opening a device may have side effects, and a socket cannot be opened.
      if (!state.isFile()) return { version: '', text: undefined, record: noFile(node, state) };
      version = [state.ino, state.size, state.mtimeNs, state.ctimeNs, state.mode].join(':');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      return { version: '', text: undefined, record: unreadable(node, explainFileError(error)) };
    }
    if (before?.version === version && !(before.record instanceof RecordError)) return before;
    const content = await readRegularFile(this.#files, path);
    if (!content) return undefined;
    const { text, reason } = content;
    if (text === undefined) return { version, text, record: unreadable(node, reason) };
    if (before?.text === text) return { ...before, version };
    return { version, text, record: readRecordText(NATIVE_FORMAT, node, text) };
  }
}

/** Returns the file name for a node. */
export function recordFileName(node: string): string {
  return node + SUFFIX;
}

/**
 * Returns true if both states are of the same directory. The inode number of a deleted directory
 * can be used again, so the birth time is compared too. A system that does not know the birth time
 * returns the time of the last change instead. Then only the device and the inode number are
 * compared.
 */
function isSameDirectory(a: BigIntStats, b: BigIntStats): boolean {
  if (a.dev !== b.dev || a.ino !== b.ino) return false;
  const isUnknown = a.birthtimeNs === a.ctimeNs && b.birthtimeNs === b.ctimeNs;
  return isUnknown || a.birthtimeNs === b.birthtimeNs;
}

/**
 * Returns true for the file of a record. Files whose names start with a dot are being written, or
 * belong to other programs.
 */
function isRecordFile(name: string): boolean {
  return name.endsWith(SUFFIX) && !name.startsWith('.');
}

function noFile(node: string, state: BigIntStats): RecordError {
  if (state.isSymbolicLink()) {
    return unreadable(node, 'is a symbolic link, which Litz does not follow');
  }
  return unreadable(node, state.isDirectory() ? 'is a directory' : 'is not a regular file');
}

function unreadable(node: string, reason: string): RecordError {
  return new RecordError(node, 'text', reason);
}

/**
 * Runs `work` for a few items at a time, because each call uses a thread of the pool that Node.js
 * has for files.
 */
async function inTurns<T>(
  items: readonly T[],
  work: (item: T, i: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++;
      await work(items[i]!, i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(FILES_AT_ONCE, items.length) }, worker));
}

const SUFFIX = '.json';
const FILES_PER_SCAN = 256;
const FILES_AT_ONCE = 8;
