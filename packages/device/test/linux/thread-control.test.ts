import { closeSync, fstatSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ThreadControl } from '../../src/linux/thread-control.ts';

const file = join(tmpdir(), `litz-thread-control-${process.pid}`);

afterEach(() => rmSync(file, { force: true }));

describe('ThreadControl', () => {
  it('shows a stop to the other thread, and wakes it', () => {
    const control = new ThreadControl();
    const other = new ThreadControl(control.memory);
    const fd = openSync(file, 'w');
    other.eventFd = fd;
    expect(other.isStopped).toBe(false);
    control.stop();
    expect(other.isStopped).toBe(true);
    closeSync(fd);
    expect([...readFileSync(file)]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('shows a stop that was requested before the eventfd was set', () => {
    const control = new ThreadControl();
    control.stop();
    expect(new ThreadControl(control.memory).isStopped).toBe(true);
  });

  it('closes the recorded descriptors, and no others', () => {
    const control = new ThreadControl();
    const [a, b, c] = [0, 1, 2].map(() => openSync(file, 'w')) as [number, number, number];
    control.recordDescriptor(a);
    control.recordDescriptor(b);
    control.forgetDescriptor(a);
    control.eventFd = c;
    control.closeDescriptors();
    control.closeDescriptors();
    expect(fstatSync(a).isFile()).toBe(true);
    expect(() => fstatSync(b)).toThrow(/EBADF/);
    expect(() => fstatSync(c)).toThrow(/EBADF/);
    closeSync(a);
  });

  it('refuses a descriptor while its memory is full, and keeps the others', () => {
    const control = new ThreadControl();
    let fd = 1000;
    const openAll = (): void => {
      while (fd < 2000) control.recordDescriptor(fd++);
    };
    expect(openAll).toThrow(RangeError);
    const refused = fd - 1;
    expect(refused).toBeLessThan(2000);
    expect(() => control.recordDescriptor(refused)).toThrow(RangeError);
    control.forgetDescriptor(1000);
    control.recordDescriptor(refused);
    for (let known = 1001; known <= refused; known++) control.forgetDescriptor(known);
    expect([...new Int32Array(control.memory)].slice(1).every((word) => word === -1)).toBe(true);
  });

  it('ignores a descriptor that is not recorded', () => {
    const control = new ThreadControl();
    control.forgetDescriptor(5);
    control.closeDescriptors();
    expect(control.isStopped).toBe(false);
  });
});
