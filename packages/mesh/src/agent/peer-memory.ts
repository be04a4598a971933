/**
 * `PeerMemory`: the accepted peers on the disk, so that the next agent knows who holds what. Without it
 * the older-looking of two records that claim one prefix would win after a restart, and a node whose
 * record expired while no agent ran would be gone.
 *
 * The file has a line of JSON for each change: a record, or the name of a peer that is gone. So a change
 * costs one line, however many peers there are. The file is written anew when it is opened for writing,
 * and when most of its lines are outdated.
 *
 * It is a memory, not the truth: a line that can't be read is passed over, and an agent that can't write
 * it goes on and says so.
 *
 * @module
 */
import { appendFileSync, closeSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { MeshPeer } from '../membership/mesh-peer.ts';
import { recordOfPeer } from '../membership/peer-of-record.ts';
import { RecordError, type NodeRecord } from '../record/node-record.ts';
import { NATIVE_FORMAT } from '../record/record-format.ts';

export class PeerMemory {
  readonly #path: string;
  readonly #onTrouble: (trouble: string | undefined) => void;
  #lines = 0;
  #isOpen = false;
  /** A write failed: the file lacks something, and may end in the middle of a line. */
  #isBroken = false;

  /**
   * @param folder the agent's state directory
   * @param onTrouble why the file can't be written; undefined: it can again
   */
  constructor(
    folder: string,
    interfaceName: string,
    onTrouble: (trouble: string | undefined) => void,
  ) {
    this.#path = join(folder, `${interfaceName}.peers`);
    this.#onTrouble = onTrouble;
  }

  /** Records of the peers that the agent before had accepted, by name. Empty if there is no such file. */
  read(): ReadonlyMap<string, NodeRecord> {
    const records = new Map<string, NodeRecord>();
    for (const line of readText(this.#path).split('\n')) {
      const read = readLine(line);
      if (!read) continue;
      if (read.record) records.set(read.name, read.record);
      else records.delete(read.name);
    }
    return records;
  }

  /** Writes the file anew with these peers. From then on `note` adds to it. */
  open(peers: ReadonlyMap<string, MeshPeer>): void {
    this.#write(peers);
    this.#isOpen = true;
  }

  /**
   * Adds what has become of some peers. Nothing happens before `open`.
   *
   * @param names of the peers that changed, came or went
   * @param peers all of them, as they are now
   */
  note(names: Iterable<string>, peers: ReadonlyMap<string, MeshPeer>): void {
    if (!this.#isOpen) return;
    const lines = Array.from(names, (name) => lineOf(name, peers.get(name)));
    if (lines.length === 0) return;
    this.#lines += lines.length;
    if (this.#isBroken || this.#lines > 2 * peers.size + SPARE_LINES) this.#write(peers);
    else this.#try(() => appendFileSync(this.#path, lines.join(''), { mode: MODE }));
  }

  /** The node is out: nothing is remembered. */
  remove(): void {
    this.#isOpen = false;
    this.#try(() => rmSync(this.#path, { force: true }));
  }

  #write(peers: ReadonlyMap<string, MeshPeer>): void {
    const temporary = `${this.#path}.${process.pid}.new`;
    const lines = Array.from(peers, ([name, peer]) => lineOf(name, peer));
    this.#lines = lines.length;
    this.#try(() => {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      rmSync(temporary, { force: true });
      try {
        writeFileSync(temporary, lines.join(''), { mode: MODE, flag: 'wx' });
        renameSync(temporary, this.#path);
      } catch (error) {
        rmSync(temporary, { force: true });
        throw error;
      }
    });
  }

  #try(write: () => void): void {
    try {
      write();
      this.#isBroken = false;
      this.#onTrouble(undefined);
    } catch (error) {
      this.#isBroken = true;
      const { code, message } = error as NodeJS.ErrnoException;
      this.#onTrouble(`${this.#path} cannot be written: ${code ?? message}`);
    }
  }
}

function lineOf(name: string, peer: MeshPeer | undefined): string {
  const value = peer ? NATIVE_FORMAT.write(recordOfPeer(peer), undefined) : null;
  return `${JSON.stringify([name, value])}\n`;
}

function readLine(line: string): { name: string; record: NodeRecord | undefined } | undefined {
  if (line === '') return undefined;
  try {
    const [name, value] = JSON.parse(line) as [unknown, unknown];
    if (typeof name !== 'string') return undefined;
    if (value === null) return { name, record: undefined };
    const record = NATIVE_FORMAT.read(name, value);
    return record instanceof RecordError ? undefined : { name, record };
  } catch {
    // An agent was ended in the middle of a line.
    return undefined;
  }
}

/** Empty if there is no such file, or if something else has its name. Waits for nothing. */
function readText(path: string): string {
  let fd = -1;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const status = fstatSync(fd);
    return status.isFile() && status.size <= MAX_BYTES ? readFileSync(fd, 'utf8') : '';
  } catch {
    return '';
  } finally {
    if (fd !== -1) closeSync(fd);
  }
}

/** Outdated lines that a small mesh may have before the file is written anew. */
const SPARE_LINES = 1000;
const MODE = 0o600;
/** More than the records of any mesh that Litz can hold. */
const MAX_BYTES = 64 * 1024 * 1024;
