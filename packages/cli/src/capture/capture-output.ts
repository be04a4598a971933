/**
 * `CaptureOutput`: where the blocks of a capture go: a file or standard output.
 *
 * @module
 */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { Failure } from '../failure.ts';

export interface CaptureOutput {
  /**
   * Writes whole blocks.
   *
   * @throws {Failure} (rejects) they could not be written; the output ends with whole blocks
   */
  write(blocks: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Makes or replaces a file that only its owner can read. */
export class FileOutput implements CaptureOutput {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #isRegular: boolean;
  #length = 0;

  /**
   * @param isSecret whether a symbolic link is refused: another user may have put it there
   * @throws {Failure} (rejects) the file cannot be made
   */
  static async open(path: string, isSecret = false): Promise<FileOutput> {
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
    const flags = O_WRONLY | O_CREAT | O_TRUNC | (isSecret ? O_NOFOLLOW : 0);
    let file: FileHandle | undefined;
    try {
      file = await open(path, flags, 0o600);
      const isRegular = (await file.stat()).isFile();
      // An existing file keeps its mode otherwise.
      if (isRegular) await file.chmod(0o600);
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
      // A part of a block would make programs report that the file is damaged.
      if (this.#isRegular) await this.#file.truncate(this.#length).catch(() => {});
      throw notWritten(this.#path, error);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Writes to a stream, as fast as its reader reads. */
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

  /** Whether the reader has ended. */
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

function notWritten(path: string, error: unknown): Failure {
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
  ['ELOOP', 'it is a symbolic link (ELOOP), which is refused for keys'],
]);
