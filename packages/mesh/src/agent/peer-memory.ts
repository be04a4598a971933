/**
 * `PeerMemory`: stores the accepted peers on the disk, so that the next agent knows which node
 * holds which prefix. Without this file, there would be two problems after a restart. If two
 * records claim one prefix, the node with the older key would get the prefix, even if the other
 * node had it before. And a node whose record expired while no agent ran would be lost.
 *
 * The file has one line of JSON for each change: a record, or the name of a peer that is gone. So a
 * change costs one line, however many peers there are. The file is rewritten when it is opened for
 * writing, and when most of its lines are outdated.
 *
 * An agent can run without the file. A line that cannot be read is skipped. An agent that cannot
 * write the file continues, and reports the reason.
 *
 * @module
 */
import { closeSync, fstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { readStateFile, replaceStateFile, tryWriting } from '../keys/state-file.ts';
import type { MeshPeer } from '../membership/mesh-peer.ts';
import { recordOfPeer } from '../membership/peer-of-record.ts';
import { RecordError, type NodeRecord } from '../record/node-record.ts';
import { NATIVE_FORMAT } from '../record/record-format.ts';

export class PeerMemory {
  readonly #path: string;
  readonly #onTrouble: (trouble: string | undefined) => void;
  #lines = 0;
  #isOpen = false;
  /** The file, open for appending. Opening it for each change would cost more than the write. */
  #fd: number | undefined = undefined;
  /**
   * Whether a write failed. Then a change is missing in the file, and the file may end in the
   * middle of a line.
   */
  #isBroken = false;

  /**
   * @param folder the agent's state directory
   * @param onTrouble called with the reason why the file cannot be written; undefined: it can be
   *   written again
   */
  constructor(
    folder: string,
    interfaceName: string,
    onTrouble: (trouble: string | undefined) => void,
  ) {
    this.#path = join(folder, `${interfaceName}.peers`);
    this.#onTrouble = onTrouble;
  }

  /**
   * Returns the records of the peers that the previous agent had accepted, by name. Empty if there
   * is no file, or if it cannot be used.
   */
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

  /** Rewrites the file with these peers. After that, `note` appends to it. */
  open(peers: ReadonlyMap<string, MeshPeer>): void {
    this.#write(peers);
    this.#isOpen = true;
  }

  /**
   * Appends the new state of some peers. Does nothing before `open`.
   *
   * @param names the peers that were added, changed or removed
   * @param peers all peers as they are now
   */
  note(names: Iterable<string>, peers: ReadonlyMap<string, MeshPeer>): void {
    if (!this.#isOpen) return;
    const lines = Array.from(names, (name) => lineOf(name, peers.get(name)));
    if (lines.length === 0) return;
    this.#lines += lines.length;
    if (this.#isBroken || this.#lines > 2 * peers.size + SPARE_LINES) this.#write(peers);
    else this.#try(() => this.#append(lines.join('')));
  }

  /** Writes no more. The file stays for the next agent. */
  close(): void {
    this.#isOpen = false;
    this.#closeFile();
  }

  /** Deletes the file, because the node has left the mesh. */
  remove(): void {
    this.close();
    this.#try(() => rmSync(this.#path, { force: true }));
  }

  #append(text: string): void {
    // If another program has deleted or replaced the file, lines in the old file would be lost.
    if (this.#fd !== undefined && fstatSync(this.#fd).nlink === 0) this.#closeFile();
    this.#fd ??= openSync(this.#path, 'a', MODE);
    const bytes = Buffer.from(text);
    if (writeSync(this.#fd, bytes) !== bytes.length) throw new Error('ENOSPC: not all was written');
  }

  #closeFile(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #write(peers: ReadonlyMap<string, MeshPeer>): void {
    this.#closeFile();
    this.#lines = peers.size;
    this.#try(() => replaceStateFile(this.#path, piecesOf(peers)));
  }

  #try(write: () => void): void {
    this.#isBroken = !tryWriting(this.#path, write, this.#onTrouble);
  }
}

/** Yields the lines of all peers, in pieces of a few kilobytes. */
function* piecesOf(peers: ReadonlyMap<string, MeshPeer>): Generator<Uint8Array, void, void> {
  let piece = '';
  for (const [name, peer] of peers) {
    piece += lineOf(name, peer);
    if (piece.length < PIECE_LENGTH) continue;
    yield Buffer.from(piece);
    piece = '';
  }
  yield Buffer.from(piece);
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
    // An agent was killed while it wrote this line.
    return undefined;
  }
}

/** Returns an empty text if the file cannot be used, or is larger than `MAX_BYTES`. */
function readText(path: string): string {
  try {
    const text = readStateFile(path, MAX_BYTES + 1) ?? '';
    return text.length <= MAX_BYTES ? text : '';
  } catch {
    return '';
  }
}

/** How many outdated lines the file of a small mesh may have before it is rewritten. */
const SPARE_LINES = 1000;
/** In characters. */
const PIECE_LENGTH = 16_384;
const MODE = 0o600;
/** In bytes. More than the records of the largest mesh that Litz supports. */
const MAX_BYTES = 64 * 1024 * 1024;
