import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import * as sys from '@litz/sys';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { copyDescriptor } from '../../src/hand-over/copy-descriptor.ts';

const linux = requirement('Linux', () => process.platform === 'linux' || process.platform);

describeWith([linux], 'copyDescriptor', () => {
  it('returns another descriptor of the same file, which programs do not inherit', () => {
    const fd = openSync('/proc/self/status', 'r');
    const copy = copyDescriptor(sys, fd);
    const { ino } = fstatSync(fd);
    closeSync(fd);
    expect(copy).not.toBe(fd);
    expect(fstatSync(copy).ino).toBe(ino);
    const [, flags = ''] =
      /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${copy}`, 'utf8')) ?? [];
    expect(Number.parseInt(flags, 8) & O_CLOEXEC).toBe(O_CLOEXEC);
    closeSync(copy);
  });

  it('throws EBADF for a descriptor that is not open', () => {
    expect(() => copyDescriptor(sys, -1)).toThrow(/fcntl: EBADF/);
  });
});

const O_CLOEXEC = 0o2000000;
