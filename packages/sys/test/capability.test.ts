import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { capabilitySet, readRights } from '../src/index.ts';

describe('readRights', () => {
  test('reads each set by its own name', () => {
    const lines = ['Name:\tlitz', 'CapInh:\t1', 'CapPrm:\t3000', 'CapEff:\t1000', 'CapBnd:\t7000'];
    const path = statusFile([...lines, 'CapAmb:\t10000000000', 'NoNewPrivs:\t1', 'Seccomp:\t0']);

    expect(readRights(path)).toEqual({
      inheritable: 1n,
      permitted: 0x3000n,
      effective: 0x1000n,
      bounding: 0x7000n,
      ambient: 1n << 40n,
      noNewPrivileges: true,
    });
  });

  test('returns noNewPrivileges as false if the file has NoNewPrivs 0', () => {
    expect(readRights(statusFile(['NoNewPrivs:\t0'])).noNewPrivileges).toBe(false);
  });
});

describe('capabilitySet', () => {
  test('has the bits of linux/capability.h', () => {
    expect(capabilitySet(['CAP_NET_ADMIN', 'CAP_CHOWN'])).toBe(0x1001n);
    expect(capabilitySet([])).toBe(0n);
  });
});

function statusFile(lines: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'litz-status-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'status'), `${lines.join('\n')}\n`);
  return join(folder, 'status');
}
