/**
 * `readInputFile`, `loadInputFile`: read a file that a user named, within limits of time and
 * length. The first one blocks, the second one does not.
 *
 * A user may name a pipe, as in `litz proxy <(pass show tunnel)`. Opening a named pipe waits until
 * a program opens the other end, and reading waits until that program has written everything. A
 * device such as /dev/zero never ends. So the wait for a pipe is limited, the length of every file
 * is limited, and devices are refused.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { WireGuardError } from '@litz/core';
import { wipe } from '@litz/core/internals';

/** Options of `readInputFile`. */
export interface InputFileOptions {
  /** The longest file in bytes. Default 256 MiB. */
  maxLength?: number;
  /** Refuses pipes. For a process that must not wait. */
  refusesPipes?: boolean;
  /** How long to wait for the bytes of a pipe in total, in ms. Default 20 s. */
  pipeMs?: number;
  /** How long a named pipe may be without a program at its other end, in ms. Default 3 s. */
  openMs?: number;
}

/**
 * Returns the text of a file. If the file is a pipe, the call blocks until its writer has closed
 * it.
 *
 * @throws {WireGuardError} `ERR_LITZ_SYSTEM`: the path is a folder, a device, a socket, or a pipe
 *   although `refusesPipes` is set; the file is too long; or a pipe takes too long. The message is
 *   the reason, without the path.
 * @throws {Error} an error of `node:fs`, with its `code`
 */
export function readInputFile(path: string, options: InputFileOptions = {}): string {
  // Opening some devices has an effect. So the type of the file is checked before it is opened.
  checkType(statSync(path, { bigint: true }), options);
  const fd = openSync(path, FLAGS);
  const reading = new Reading(options);
  try {
    reading.begin(fstatSync(fd, { bigint: true }), path);
    for (;;) {
      const piece = Buffer.alloc(PIECE_LENGTH);
      const next = reading.take(piece, readPiece(fd, piece));
      if (next === 'end') return reading.text();
      if (next === 'wait') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
    }
  } finally {
    reading.wipe();
    closeSync(fd);
  }
}

/**
 * As `readInputFile`, without blocking: resolves to the text of a file.
 *
 * @param options may also have a `signal`. If the signal is aborted, the call rejects with the
 *   reason of the signal
 * @throws {WireGuardError} (rejects) `ERR_LITZ_SYSTEM`, as `readInputFile`
 * @throws {Error} (rejects) an error of `node:fs`, with its `code`
 */
export async function loadInputFile(
  path: string,
  options: InputFileOptions & { signal?: AbortSignal | undefined } = {},
): Promise<string> {
  checkType(await stat(path, { bigint: true }), options);
  const file = await open(path, FLAGS);
  const reading = new Reading(options);
  try {
    reading.begin(await file.stat({ bigint: true }), path);
    for (;;) {
      options.signal?.throwIfAborted();
      const piece = Buffer.alloc(PIECE_LENGTH);
      const next = reading.take(piece, await loadPiece(file, piece));
      if (next === 'end') return reading.text();
      if (next === 'wait') await delay(POLL_MS);
    }
  } finally {
    reading.wipe();
    await file.close();
  }
}

interface FileType {
  isFile(): boolean;
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
}

function checkType(stats: FileType, { refusesPipes = false }: InputFileOptions): void {
  if (stats.isFile() || (stats.isFIFO() && !refusesPipes)) return;
  const what = stats.isDirectory()
    ? 'a folder'
    : stats.isFIFO()
      ? 'a pipe'
      : stats.isSocket()
        ? 'a socket'
        : 'a device';
  throw refused(`it is ${what} instead of a file`);
}

/** The part of a file that was read so far, and how long the reader has waited for a pipe. */
class Reading {
  readonly #options: InputFileOptions;
  readonly #pieces: Buffer[] = [];
  #length = 0;
  #waitedMs = 0;
  /**
   * Whether a program has or had the other end of the pipe open; true for a file that is not a
   * pipe.
   */
  #hasWriter = true;

  constructor(options: InputFileOptions) {
    this.#options = options;
  }

  /** Call this when the file is open. @throws {WireGuardError} the type of the file is refused */
  begin(stats: FileType, path: string): void {
    checkType(stats, this.#options);
    // /dev/stdin, /dev/fd/63: the shell has opened the other end.
    this.#hasWriter = !stats.isFIFO() || /^\/(?:dev|proc)\//.test(path);
  }

  /**
   * Takes what was read, and says what to do next.
   *
   * @param piece the buffer with the bytes that were read; it is kept
   * @param count bytes in `piece`; 0: the end of the file, or a pipe that no program has opened for
   *   writing; undefined: the pipe is empty, and a program has its other end open
   */
  take(piece: Buffer, count: number | undefined): 'more' | 'wait' | 'end' {
    const { maxLength = MAX_LENGTH, pipeMs = PIPE_MS, openMs = OPEN_MS } = this.#options;
    this.#hasWriter ||= count !== 0;
    if (count === 0 && this.#hasWriter) return 'end';
    if (count !== undefined && count > 0) {
      this.#pieces.push(piece.subarray(0, count));
      this.#length += count;
      if (this.#length > maxLength) throw refused(`it has more than ${maxLength} bytes`);
      return 'more';
    }
    const isAlone = !this.#hasWriter && this.#waitedMs >= openMs;
    if (isAlone) throw refused('it is a pipe that no program writes to');
    if (this.#waitedMs >= pipeMs)
      throw refused(`it is a pipe whose writer takes over ${pipeMs} ms`);
    this.#waitedMs += POLL_MS;
    return 'wait';
  }

  text(): string {
    const whole = Buffer.concat(this.#pieces);
    this.#pieces.push(whole);
    return whole.toString('utf8');
  }

  /** Overwrites the bytes, because the text may contain keys. */
  wipe(): void {
    wipe(...this.#pieces);
  }
}

/** Returns undefined if a pipe is empty, and a program has its other end open. */
function readPiece(fd: number, piece: Buffer): number | undefined {
  try {
    return readSync(fd, piece);
  } catch (error) {
    return emptyPipe(error);
  }
}

/** As `readPiece`. */
async function loadPiece(file: FileHandle, piece: Buffer): Promise<number | undefined> {
  try {
    return (await file.read(piece)).bytesRead;
  } catch (error) {
    return emptyPipe(error);
  }
}

function emptyPipe(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  return undefined;
}

function refused(reason: string): WireGuardError {
  return new WireGuardError('ERR_LITZ_SYSTEM', reason);
}

const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants;
const FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY;
/** Enough for 2^20 peers of 256 bytes each. */
const MAX_LENGTH: number = 256 * 1024 * 1024;
const PIECE_LENGTH = 65_536;
/** Less than the watchdog time of the systemd service. */
const PIPE_MS = 20_000;
const OPEN_MS = 3000;
const POLL_MS = 10;
