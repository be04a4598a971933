import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { untrustedFolder } from '../../src/uapi/untrusted-folder.ts';

const posix = process.platform === 'win32' ? describe.skip : describe;
let parent: string;
let folder: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'litz-folder-'));
  folder = join(parent, 'wireguard');
});

afterEach(() => rmSync(parent, { recursive: true, force: true }));

posix('untrustedFolder', () => {
  it.each([0o755, 0o700, 0o750, 0o555, 0o2755])(
    'trusts a folder of the current user with mode %o',
    (mode) => {
      make(mode);
      expect(untrustedFolder(folder)).toBeUndefined();
    },
  );

  it.each([0o775, 0o757, 0o777, 0o1777, 0o720, 0o702])(
    'does not trust a folder with mode %o',
    (mode) => {
      make(mode);
      const digits = mode.toString(8).padStart(4, '0');
      expect(untrustedFolder(folder)).toBe(
        `${folder} has mode ${digits}: its group or others may write to it, and could take the keys ` +
          `that are sent there; remove that permission (chmod go-w ${folder})`,
      );
    },
  );

  it('trusts no symbolic link', () => {
    mkdirSync(join(parent, 'there'), { mode: 0o755 });
    symlinkSync(join(parent, 'there'), folder);
    expect(untrustedFolder(folder)).toMatch(/wireguard is a symbolic link, .*; remove it$/);
    symlinkSync(join(parent, 'nowhere'), join(parent, 'dangling'));
    expect(untrustedFolder(join(parent, 'dangling'))).toMatch(/symbolic link/);
  });

  it('trusts a folder below a symbolic link, and a folder that does not exist', () => {
    make(0o755);
    symlinkSync(parent, `${parent}-link`);
    try {
      expect(untrustedFolder(join(`${parent}-link`, 'wireguard'))).toBeUndefined();
    } finally {
      rmSync(`${parent}-link`);
    }
    expect(untrustedFolder(join(parent, 'missing'))).toBeUndefined();
  });
});

/** Makes the folder with this mode, whatever the umask is. */
function make(mode: number): void {
  mkdirSync(folder);
  chmodSync(folder, mode);
}
