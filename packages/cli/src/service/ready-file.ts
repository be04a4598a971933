/**
 * `ReadyFile`: a file that exists while a daemon serves its interface (`--ready-file`), for
 * programs that ask again and again, such as the kubelet.
 *
 * @module
 */
import { accessSync, constants, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { inodeOf } from '@litz/config/uapi';
import { Failure } from '../failure.ts';

export class ReadyFile {
  readonly #path: string;
  #inode: bigint | undefined = undefined;

  /** @throws {Failure} there is no folder for the file, or this user may not write to it */
  constructor(path: string) {
    this.#path = path;
    try {
      accessSync(dirname(path), constants.W_OK);
    } catch (error) {
      throw new Failure(`--ready-file: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Removes a file that an earlier process has left because it was killed. */
  forgetEarlier(): void {
    rmSync(this.#path, { force: true });
  }

  /**
   * Makes the file.
   *
   * @throws {Error} it cannot be made, for instance because the disk is full
   */
  show(): void {
    const temporary = `${this.#path}.new`;
    writeFileSync(temporary, '');
    this.#inode = inodeOf(temporary);
    renameSync(temporary, this.#path);
  }

  /** Removes the file, unless it is the file of a process that has taken the place of this one. */
  close(): void {
    if (this.#inode === undefined || inodeOf(this.#path) !== this.#inode) return;
    rmSync(this.#path, { force: true });
  }
}
