import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { libc } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

describe('libc', () => {
  const { platform, arch } = process;

  beforeEach(() => void vi.resetModules());
  afterEach(() => {
    Object.defineProperty(process, 'platform', { value: platform });
    Object.defineProperty(process, 'arch', { value: arch });
  });

  test('can be imported on every system; the first call throws if the system is not Linux', async () => {
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    const { libc } = await import('../src/libc.ts');

    expect(() => libc()).toThrow(
      expect.objectContaining({
        code: 'ERR_LITZ_UNSUPPORTED_PLATFORM',
        message: expect.stringContaining('darwin') as string,
      }),
    );
  });

  test.each(['ia32', 'arm', 's390x'])(
    'refuses the architecture %s, whose structures differ',
    async (other) => {
      Object.defineProperty(process, 'platform', { value: 'linux' });
      Object.defineProperty(process, 'arch', { value: other });
      const { libc } = await import('../src/libc.ts');

      expect(() => libc()).toThrow(
        expect.objectContaining({
          code: 'ERR_LITZ_UNSUPPORTED_PLATFORM',
          message: expect.stringContaining(other) as string,
        }),
      );
    },
  );
});

describeWith([linuxCalls], 'libc on Linux', () => {
  test('returns -1 and keeps the errno of a failed call', () => {
    expect(libc().close(-1)).toBe(-1);
    expect(libc().errno()).toBe(9);
  });

  test('returns the number of a link', () => {
    expect(libc().if_nametoindex('lo')).toBe(1);
  });
});
