/**
 * `ResolvConf`: the file /etc/resolv.conf, which may also be a symbolic link, or absent.
 *
 * The file is replaced in one step where that is possible. In a container, it is often mounted, and
 * can only be overwritten. The text is read and written as Latin-1, so that all bytes are restored
 * unchanged.
 *
 * @module
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

/** What is at the path. */
export type ResolvConfState =
  | { readonly type: 'none' }
  | { readonly type: 'link'; readonly target: string }
  | {
      readonly type: 'file';
      readonly text: string;
      /** Permissions, as in 0o644. */
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** The file at one path. */
export class ResolvConf {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  read(): ResolvConfState {
    const stats = lstatSync(this.path, { throwIfNoEntry: false });
    if (!stats) return { type: 'none' };
    if (stats.isSymbolicLink()) return { type: 'link', target: readlinkSync(this.path) };
    const { mode, uid, gid } = stats;
    return { type: 'file', text: readFileSync(this.path, 'latin1'), mode: mode & 0o7777, uid, gid };
  }

  /** Puts a file or a link at the path, or removes it. @throws {Error} nothing was changed */
  write(state: ResolvConfState): void {
    if (state.type === 'none') return rmSync(this.path, { force: true });
    const temporary = `${this.path}.litz-${process.pid}`;
    try {
      rmSync(temporary, { force: true });
      if (state.type === 'link') symlinkSync(state.target, temporary);
      else writeNew(temporary, state);
      renameSync(temporary, this.path);
    } catch (error) {
      rmSync(temporary, { force: true });
      const { code = '' } = error as NodeJS.ErrnoException;
      if (state.type === 'link' || !UNREPLACEABLE.has(code)) throw error;
      this.#overwrite(state.text, error);
    }
  }

  /**
   * Overwrites the file. If that fails, writes the earlier text again, which needs no new space on
   * the disk.
   */
  #overwrite(text: string, cause: unknown): void {
    const before = this.read();
    if (before.type !== 'file') throw cause;
    const fd = openSync(this.path, 'r+');
    try {
      try {
        replaceText(fd, text);
      } catch (error) {
        replaceText(fd, before.text);
        throw error;
      }
    } finally {
      closeSync(fd);
    }
  }
}

function writeNew(path: string, state: ResolvConfState & { type: 'file' }): void {
  writeFileSync(path, state.text, { encoding: 'latin1', flag: 'wx' });
  chmodSync(path, state.mode);
  const { uid, gid } = lstatSync(path);
  if (uid !== state.uid || gid !== state.gid) chownSync(path, state.uid, state.gid);
}

function replaceText(fd: number, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at);
  ftruncateSync(fd, bytes.length);
}

/** These errors mean that the file is a mount, or that its folder cannot be written. */
const UNREPLACEABLE: ReadonlySet<string> = new Set(['EBUSY', 'EROFS', 'EACCES', 'EPERM', 'ENOENT']);
