import { capabilitySet, type ThreadRights } from '@litz/sys';
import { describe, expect, it } from 'vitest';
import { mustDrop } from '../../src/rights/few-rights.ts';

const NET_ADMIN = capabilitySet(['CAP_NET_ADMIN']);
const NONE: ThreadRights = {
  effective: 0n,
  permitted: 0n,
  inheritable: 0n,
  bounding: 0n,
  ambient: 0n,
  noNewPrivileges: false,
};

describe('mustDrop', () => {
  it('is false for a process that has only the rights that it needs', () => {
    const rights = { ...NONE, permitted: NET_ADMIN, bounding: NET_ADMIN, noNewPrivileges: true };
    expect(mustDrop(rights, ['CAP_NET_ADMIN', 'CAP_NET_RAW'])).toBe(false);
  });

  it('is true if a right that is not needed is permitted, inheritable or ambient', () => {
    const enough = { ...NONE, permitted: NET_ADMIN, noNewPrivileges: true };
    for (const set of ['permitted', 'inheritable', 'ambient'] as const) {
      const rights = { ...enough, [set]: NET_ADMIN | capabilitySet(['CAP_CHOWN']) };
      expect(mustDrop(rights, ['CAP_NET_ADMIN'])).toBe(true);
    }
  });

  it('is true for a process that may gain privileges, but only if it has capabilities', () => {
    expect(mustDrop({ ...NONE, permitted: NET_ADMIN }, ['CAP_NET_ADMIN'])).toBe(true);
    expect(mustDrop(NONE, ['CAP_NET_ADMIN'])).toBe(false);
  });

  it('is false if only the bounding set has rights that are not needed', () => {
    // The process has no_new_privs, so it can gain no rights from the bounding set.
    const rights = { ...NONE, permitted: NET_ADMIN, bounding: ~0n, noNewPrivileges: true };
    expect(mustDrop(rights, ['CAP_NET_ADMIN'])).toBe(false);
  });
});
