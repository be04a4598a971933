import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { untrustedFolder } from '../../src/uapi/untrusted-folder.ts';

const USER = 12_345;
const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
let parent: string;
let folder: string;

describeWith([root, programRequirement('setpriv')], 'untrustedFolder and other users', () => {
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'litz-folder-'));
    folder = join(parent, 'wireguard');
    chmodSync(parent, 0o1777);
  });

  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it('does not trust a folder of another user in a public folder', () => {
    expect(asUser('mkdir', '-m', '755', folder)).toBe(0);
    expect(untrustedFolder(folder)).toBe(
      `${folder} belongs to user ${USER}, who could take the keys that are sent there; ` +
        'remove it, or give it to root (chown)',
    );
    chownSync(folder, 0, 0);
    expect(untrustedFolder(folder)).toBeUndefined();
  });

  it('does not trust a link of another user to a folder of root', () => {
    mkdirSync(join(parent, 'there'), { mode: 0o755 });
    expect(asUser('ln', '-s', join(parent, 'there'), folder)).toBe(0);
    expect(untrustedFolder(folder)).toMatch(/symbolic link/);
  });

  it('in a process of another user, trusts only folders of root and of that user', () => {
    mkdirSync(folder, { mode: 0o755 });
    const seen = (): string | undefined => asUserOf(USER, () => untrustedFolder(folder));
    expect(seen()).toBeUndefined();
    chownSync(folder, USER, USER);
    expect(seen()).toBeUndefined();
    chownSync(folder, USER + 1, USER);
    expect(seen()).toMatch(/belongs to user 12346, .* give it to root or user 12345 \(chown\)/);
  });
});

/** Runs a program as another user, and returns its exit code. */
function asUser(...command: string[]): number | null {
  const drop = ['--reuid', String(USER), '--regid', String(USER), '--clear-groups'];
  return spawnSync('setpriv', [...drop, ...command]).status;
}

/** Calls `look` while this process has the rights of `user`. */
function asUserOf<T>(user: number, look: () => T): T {
  process.seteuid?.(user);
  try {
    return look();
  } finally {
    process.seteuid?.(0);
  }
}
