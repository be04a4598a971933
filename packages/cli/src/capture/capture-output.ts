/**
 * `CaptureOutput`: where the blocks of a capture go: a file or standard output.
 *
 * @module
 */
import { constants, type BigIntStats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { Failure } from '../failure.ts';

export interface CaptureOutput {
  /**
   * Writes whole blocks.
   *
   * @throws {Failure} (rejects) the blocks could not be written; a regular file then ends with a
   *   whole block
   */
  write(blocks: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * Writes to a file that only its owner can read. The file is made, or emptied if it exists. If the
 * output has no keys, the path may also name a pipe or a device.
 */
export class FileOutput implements CaptureOutput {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #isRegular: boolean;
  #length = 0;

  /**
   * @param isSecret whether the output has keys. If it is true, an existing file is refused if it
   *   is a link, is not regular, belongs to another user, or gives permissions to its group or to
   *   others. Another user could read such a file, have it open already, or have made it.
   * @throws {Failure} (rejects) the file cannot be opened or made private, or is refused; a refused
   *   file is unchanged
   */
  static async open(path: string, isSecret = false): Promise<FileOutput> {
    const { O_WRONLY, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
    const flags = O_WRONLY | O_CREAT | (isSecret ? O_NOFOLLOW | O_NONBLOCK : 0);
    let file: FileHandle | undefined;
    try {
      file = await open(path, flags, 0o600);
      const stats = await file.stat({ bigint: true });
      if (isSecret) refuseForKeys(path, stats);
      const isRegular = stats.isFile();
      if (isRegular) {
        await file.truncate(0);
        // Without this call, an existing file would keep its mode.
        await file.chmod(0o600);
      }
      return new FileOutput(path, file, isRegular);
    } catch (error) {
      await file?.close();
      throw notWritten(path, error);
    }
  }

  private constructor(path: string, file: FileHandle, isRegular: boolean) {
    this.#path = path;
    this.#file = file;
    this.#isRegular = isRegular;
  }

  async write(blocks: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < blocks.length;) {
        at += (await this.#file.write(blocks, at)).bytesWritten;
      }
      this.#length += blocks.length;
    } catch (error) {
      // If the file ended with a part of a block, programs would report that it is damaged.
      if (this.#isRegular) await this.#file.truncate(this.#length).catch(() => {});
      throw notWritten(this.#path, error);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Writes to a stream. `write` waits while the reader of the stream is slow. */
export class StreamOutput implements CaptureOutput {
  readonly #stream: Writable;
  #error: NodeJS.ErrnoException | undefined = undefined;
  #onError: () => void = () => {};

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', (error) => {
      this.#error = error;
      this.#onError();
    });
  }

  /** Whether the reader has closed the stream. This is known after a write has failed. */
  get isReaderGone(): boolean {
    return this.#error?.code === 'EPIPE';
  }

  async write(blocks: Uint8Array): Promise<void> {
    if (!this.#error) {
      await new Promise<void>((resolve) => {
        this.#onError = resolve;
        this.#stream.write(blocks, () => resolve());
      });
    }
    if (this.#error) throw notWritten('to standard output', this.#error);
  }

  async close(): Promise<void> {}
}

function refuseForKeys(path: string, stats: BigIntStats): void {
  const own = process.geteuid?.();
  const refuse = (reason: string): Failure =>
    new Failure(`cannot write keys to ${path}: ${reason}; remove it, or choose another file`);
  if (!stats.isFile()) throw refuse('it is not a regular file');
  if (own !== undefined && stats.uid !== BigInt(own)) {
    throw refuse(`it belongs to user ${stats.uid}, who could read them`);
  }
  const permissions = stats.mode & 0o7777n;
  if ((permissions & OTHERS) === 0n) return;
  const digits = permissions.toString(8).padStart(4, '0');
  // Giving the file a stricter mode would not help: a user who has it open could still read it.
  throw refuse(`it has mode ${digits}, so other users could read them`);
}

function notWritten(path: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { code = String(error) } = error as NodeJS.ErrnoException;
  const advice = ADVICE.get(code);
  return new Failure(`cannot write ${path}: ${advice ?? code}`, { cause: error });
}

const ADVICE: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'the disk is full (ENOSPC). --size limits the file'],
  ['EDQUOT', 'the quota is used up (EDQUOT). --size limits the file'],
  ['EACCES', 'this user may not write there (EACCES)'],
  ['EROFS', 'the file system is read-only (EROFS)'],
  ['ENOENT', 'there is no such folder (ENOENT)'],
  ['EISDIR', 'it is a folder (EISDIR)'],
  ['ENXIO', 'it is a pipe that no program reads, or a socket (ENXIO)'],
  ['ELOOP', 'it is a symbolic link (ELOOP), which is refused for keys'],
]);
/** The permissions of the group and of all other users (S_IRWXG, S_IRWXO). */
const OTHERS = 0o077n;
