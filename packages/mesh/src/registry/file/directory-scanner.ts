/**
 * `DirectoryScanner`: what the records in a directory are now. A scan reads the files that are new or
 * have changed; of those that are as they were it gives the same objects again.
 *
 * A file that is written by rename changes the directory's time, and so is seen at once. One that
 * somebody edits where it stands changes its own time only: where there are many files, such a change is
 * seen some scans later, so that a scan of thousands costs little.
 *
 * @module
 */
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { RecordError, type ReadRecord } from '../../record/node-record.ts';
import { NATIVE_FORMAT, readRecordText } from '../../record/record-format.ts';
import { errnoOf, explainFileError, readRegularFile, type FileAccess } from './file-access.ts';

/** What a scan found. */
export type Scan =
  | { readonly trouble: string; readonly directory?: undefined }
  | {
      readonly trouble?: undefined;
      /** Rises where another directory has the name now. */
      readonly directory: number;
      readonly records: ReadonlyMap<string, ReadRecord>;
    };

interface ScannedFile {
  /** Changes with each change of the file. */
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
  /** Scans that look at every file. */
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

  /** Twice after a change: a second one may have happened within the resolution of the time. */
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
      // Opening a device may do something, and a socket can't be opened.
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

/**
 * The number of a directory is given to the next one when it is deleted, so the time of birth counts too.
 * Systems that don't know it give the time of the last change for it, which says nothing.
 */
function isSameDirectory(a: BigIntStats, b: BigIntStats): boolean {
  if (a.dev !== b.dev || a.ino !== b.ino) return false;
  const isUnknown = a.birthtimeNs === a.ctimeNs && b.birthtimeNs === b.ctimeNs;
  return isUnknown || a.birthtimeNs === b.birthtimeNs;
}

/** A file's name for a node's. */
export function recordFileName(node: string): string {
  return node + SUFFIX;
}

/** Files with a point in front are being written, or belong to other programs. */
function isRecordFile(name: string): boolean {
  return name.endsWith(SUFFIX) && !name.startsWith('.');
}

function noFile(node: string, state: BigIntStats): RecordError {
  if (state.isSymbolicLink()) {
    return unreadable(node, 'is a symbolic link, and those are not followed');
  }
  return unreadable(node, state.isDirectory() ? 'is a directory' : 'is no file');
}

function unreadable(node: string, reason: string): RecordError {
  return new RecordError(node, 'text', reason);
}

/** A few at a time: each one takes a thread of the file system's pool. */
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
