/**
 * `readInputFile`: reads a file that a user named, without waiting forever and without limit.
 *
 * A user may name a pipe, as in `litz proxy <(pass show tunnel)`. Opening a named pipe waits until
 * a program opens the other end, and reading waits until that program has written everything. A
 * device such as /dev/zero never ends. So pipes have a limit of time, all files have a limit of
 * length, and devices are refused.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { WireGuardError } from '@litz/core';
import { wipe } from '@litz/core/internals';

/** Options of `readInputFile`. */
export interface InputFileOptions {
  /** The longest file in bytes. Default 256 MiB. */
  maxLength?: number;
  /** Refuses pipes. For a process that must not wait. */
  refusesPipes?: boolean;
  /** How long a pipe may take, in ms. Default 20 s. */
  pipeMs?: number;
  /** How long a named pipe may be without a program at its other end, in ms. Default 3 s. */
  openMs?: number;
}

/**
 * Returns the text of a file. The call blocks until a pipe has ended.
 *
 * @throws {WireGuardError} `ERR_LITZ_SYSTEM`: it is a device, a socket, or too long; or the program
 *   at the other end of a pipe takes too long. The message is the reason, without the path.
 * @throws {Error} an error of `node:fs`, with its `code`
 */
export function readInputFile(path: string, options: InputFileOptions = {}): string {
  // Opening some devices has an effect. So the type of the file is checked before it is opened.
  checkType(statSync(path, { bigint: true }), options);
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants;
  const fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  const pieces: Buffer[] = [];
  try {
    const stats = fstatSync(fd, { bigint: true });
    checkType(stats, options);
    // /dev/stdin, /dev/fd/63: the shell has opened the other end.
    const isOpened = !stats.isFIFO() || /^\/(?:dev|proc)\//.test(path);
    readAll(fd, pieces, isOpened, options);
    const whole = Buffer.concat(pieces);
    pieces.push(whole);
    return whole.toString('utf8');
  } finally {
    // The text may contain keys.
    wipe(...pieces);
    closeSync(fd);
  }
}

interface FileType {
  isFile(): boolean;
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
}

function checkType(stats: FileType, { refusesPipes = false }: InputFileOptions): void {
  // Reading a folder fails with EISDIR.
  if (stats.isFile() || stats.isDirectory()) return;
  if (stats.isFIFO() && !refusesPipes) return;
  const what = stats.isFIFO() ? 'a pipe' : stats.isSocket() ? 'a socket' : 'a device';
  throw refused(`it is ${what} instead of a file`);
}

/** Reads until the end. @param isOpened whether the other end of a pipe is or was open */
function readAll(fd: number, pieces: Buffer[], isOpened: boolean, options: InputFileOptions): void {
  const { maxLength = MAX_LENGTH, pipeMs = PIPE_MS, openMs = OPEN_MS } = options;
  let [length, waitedMs] = [0, 0];
  let hasWriter = isOpened;
  for (;;) {
    const piece = Buffer.alloc(PIECE_LENGTH);
    const count = readPiece(fd, piece);
    hasWriter ||= count !== 0;
    if (count === 0 && hasWriter) return;
    if (count !== undefined && count > 0) {
      pieces.push(piece.subarray(0, count));
      length += count;
      if (length > maxLength) throw refused(`it has more than ${maxLength} bytes`);
      continue;
    }
    if (!hasWriter && waitedMs >= openMs) throw refused('it is a pipe that no program writes to');
    if (waitedMs >= pipeMs) throw refused(`it is a pipe whose writer takes over ${pipeMs} ms`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
    waitedMs += POLL_MS;
  }
}

/** Returns undefined if a pipe is empty, and a program has its other end open. */
function readPiece(fd: number, piece: Buffer): number | undefined {
  try {
    return readSync(fd, piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}

function refused(reason: string): WireGuardError {
  return new WireGuardError('ERR_LITZ_SYSTEM', reason);
}

/** More than the longest UAPI request: a million peers. */
const MAX_LENGTH: number = 256 * 1024 * 1024;
const PIECE_LENGTH = 65_536;
/** Less than the watchdog time of the service. */
const PIPE_MS = 20_000;
const OPEN_MS = 3000;
const POLL_MS = 10;
