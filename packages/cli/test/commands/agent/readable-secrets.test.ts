import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentFlags } from '../../../src/commands/agent/agent-flags.ts';
import { readableSecrets } from '../../../src/commands/agent/readable-secrets.ts';

describe('readableSecrets', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'litz-secrets-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const secret = (name: string, mode: number): string => {
    const path = join(folder, name);
    writeFileSync(path, 'x');
    chmodSync(path, mode);
    return path;
  };

  it('names a file that all users can read, its mode, and the remedy', () => {
    const key = secret('n1.key', 0o644);
    expect(warnings({ etcdKey: key })).toEqual([
      `--etcd-key ${key} has mode 0644, which gives permissions to all users: chmod 600 ${key}`,
    ]);
    expect(warnings({ etcdPasswordFile: secret('password', 0o604) })).toEqual([
      expect.stringMatching(/--etcd-password-file .* has mode 0604,/),
    ]);
  });

  it.each([0o600, 0o400, 0o640])('accepts mode %i', (mode) => {
    expect(warnings({ etcdKey: secret('n1.key', mode) })).toEqual([]);
  });

  it('accepts a path at which there is no file, and flags without a path', () => {
    expect(warnings({ etcdKey: join(folder, 'nowhere') })).toEqual([]);
    expect(warnings({})).toEqual([]);
  });
});

function warnings(flags: Partial<AgentFlags>): string[] {
  return readableSecrets(flags as AgentFlags);
}
