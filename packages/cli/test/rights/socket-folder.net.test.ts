import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { untrustedFolder } from '@litz/config/uapi';
import { describeWith, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { shareSocketFolder } from '../../src/rights/socket-folder.ts';

const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
const USER = { uid: 12_345, gid: 12_346 };
let parent: string;
let folder: string;

/** Returns the owner, the group and the mode of the folder. */
function owner(): [uid: number, gid: number, mode: string] {
  const { uid, gid, mode } = statSync(folder);
  return [uid, gid, (mode & 0o7777).toString(8)];
}

describeWith([root], 'shareSocketFolder', () => {
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'litz-folder-'));
    folder = join(parent, 'wireguard');
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it.each([
    ['makes the folder', () => {}],
    [
      'changes the group and the mode of a folder of root',
      () => mkdirSync(folder, { mode: 0o755 }),
    ],
    ['makes a folder of the group sticky', () => makeFolder(0, USER.gid, 0o775)],
    [
      'does not change a folder whose group and mode are right',
      () => makeFolder(0, USER.gid, 0o1775),
    ],
  ])('%s', (_, prepare) => {
    prepare();
    shareSocketFolder(USER, folder);
    expect(owner()).toEqual([0, USER.gid, '1775']);
    expect(untrustedFolder(folder)).toBeUndefined();
  });

  it('leaves a folder that belongs to the user unchanged', () => {
    makeFolder(USER.uid, 7, 0o700);
    shareSocketFolder(USER, folder);
    expect(owner()).toEqual([USER.uid, 7, '700']);
  });

  it('refuses to take the folder from another group', () => {
    makeFolder(0, 77, 0o1775);
    expect(() => shareSocketFolder(USER, folder)).toThrow(
      `${folder} is shared with group 77: use one group for all daemons (--user NAME:77)`,
    );
    expect(owner()).toEqual([0, 77, '1775']);
  });

  it('does not follow a symbolic link', () => {
    mkdirSync(join(parent, 'other'), { mode: 0o755 });
    symlinkSync(join(parent, 'other'), folder);
    shareSocketFolder(USER, folder);
    expect(owner()).toEqual([0, 0, '755']);
  });

  it('says what to do if the folder cannot be made', () => {
    rmSync(parent, { recursive: true });
    expect(() => shareSocketFolder(USER, folder)).toThrow(
      /ENOENT; expected a folder that root can/,
    );
  });
});

function makeFolder(uid: number, gid: number, mode: number): void {
  mkdirSync(folder);
  chownSync(folder, uid, gid);
  chmodSync(folder, mode);
}
