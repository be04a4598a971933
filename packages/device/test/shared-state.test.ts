import { closeSync, fstatSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { SharedState } from '../src/shared-state.ts';

const file = join(tmpdir(), `litz-shared-state-${process.pid}`);

afterEach(() => rmSync(file, { force: true }));

describe('SharedState', () => {
  it('shows a stop to the other side, and wakes it', () => {
    const state = new SharedState();
    const other = new SharedState(state.memory);
    const fd = openSync(file, 'w');
    other.eventFd = fd;
    expect(other.isStopped).toBe(false);
    state.stop();
    expect(other.isStopped).toBe(true);
    closeSync(fd);
    expect([...readFileSync(file)]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('stops before there is anything to wake', () => {
    const state = new SharedState();
    state.stop();
    expect(new SharedState(state.memory).isStopped).toBe(true);
  });

  it('closes what was left open, and nothing else', () => {
    const state = new SharedState();
    const [a, b, c] = [0, 1, 2].map(() => openSync(file, 'w')) as [number, number, number];
    state.opened(a);
    state.opened(b);
    state.closing(a);
    state.eventFd = c;
    state.release();
    state.release();
    expect(fstatSync(a).isFile()).toBe(true);
    expect(() => fstatSync(b)).toThrow(/EBADF/);
    expect(() => fstatSync(c)).toThrow(/EBADF/);
    closeSync(a);
  });

  it('does not mind more descriptors than it has room for, or one it does not know', () => {
    const state = new SharedState();
    for (let fd = 1000; fd < 1100; fd++) state.opened(fd);
    for (let fd = 1000; fd < 1100; fd++) state.closing(fd);
    state.closing(5);
    state.release();
    expect(state.isStopped).toBe(false);
  });
});
