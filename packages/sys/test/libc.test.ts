import type * as os from 'node:os';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { libc } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

const machine = vi.hoisted(() => ({ endianness: 'LE' }));
vi.mock('node:os', async (original) => ({
  ...(await original<typeof os>()),
  endianness: () => machine.endianness,
}));

describe('libc', () => {
  const { platform } = process;

  beforeEach(() => void vi.resetModules());
  afterEach(() => {
    machine.endianness = 'LE';
    Object.defineProperty(process, 'platform', { value: platform });
  });

  test('is imported anywhere and says on the first call that it needs Linux', async () => {
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    const { libc } = await import('../src/libc.ts');

    expect(() => libc()).toThrow(
      expect.objectContaining({
        code: 'ERR_LITZ_UNSUPPORTED_PLATFORM',
        message: expect.stringContaining('darwin') as string,
      }),
    );
  });

  test('refuses a big-endian machine', async () => {
    Object.defineProperty(process, 'platform', { value: 'linux' });
    machine.endianness = 'BE';
    const { libc } = await import('../src/libc.ts');

    expect(() => libc()).toThrow(
      expect.objectContaining({
        code: 'ERR_LITZ_UNSUPPORTED_PLATFORM',
        message: expect.stringContaining('little-endian') as string,
      }),
    );
  });
});

describeWith([linuxCalls], 'libc on Linux', () => {
  test('returns -1 and keeps the errno of a failed call', () => {
    expect(libc().close(-1)).toBe(-1);
    expect(libc().errno()).toBe(9);
  });

  test('gives the names of links', () => {
    expect(libc().if_nametoindex('lo')).toBe(1);
  });
});
