import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { boottimeMs, EventFd, linux, PollSet } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

describeWith([linuxCalls], 'PollSet', () => {
  test('reports which of its descriptors are ready', () => {
    const set = new PollSet();
    const [quiet, loud] = [new EventFd(), new EventFd()];
    const quietIndex = set.add(quiet.fd, linux.POLLIN);
    const loudIndex = set.add(loud.fd, linux.POLLIN);

    loud.signal();

    expect(set.wait(Infinity)).toBe(1);
    expect(set.ready(quietIndex)).toBe(0);
    expect(set.ready(loudIndex)).toBe(linux.POLLIN);
    quiet.close();
    loud.close();
  });

  test('checks without sleeping for a time-out of 0 or less', () => {
    const set = new PollSet();

    expect(set.wait(0)).toBe(0);
    expect(set.wait(-5)).toBe(0);
    expect(set.wait(-Infinity)).toBe(0);
  });

  test.each([0.1, 1.2, 2.999])('never returns before %d ms have passed', (timeoutMs) => {
    const set = new PollSet();
    const start = boottimeMs();

    expect(set.wait(timeoutMs)).toBe(0);

    expect(boottimeMs() - start).toBeGreaterThanOrEqual(timeoutMs);
  });

  test('waits for other events after setEvents has changed them', () => {
    const set = new PollSet();
    const event = new EventFd();
    const index = set.add(event.fd, linux.POLLIN);

    set.setEvents(index, linux.POLLOUT);

    expect(set.wait(0)).toBe(1);
    expect(set.ready(index)).toBe(linux.POLLOUT);
    event.close();
  });

  test('keeps the other indices when one is removed, and reuses that index', () => {
    const set = new PollSet();
    const event = new EventFd();
    const first = set.add(event.fd, linux.POLLIN);
    const second = set.add(event.fd, linux.POLLIN);
    event.signal();
    set.wait(0);

    set.remove(first);

    expect(set.ready(first)).toBe(0);
    expect(set.wait(0)).toBe(1);
    expect(set.ready(second)).toBe(linux.POLLIN);
    expect(set.add(event.fd, linux.POLLIN)).toBe(first);
    event.close();
  });

  test('does not wake for a muted entry, not even for an error', () => {
    const set = new PollSet();
    const event = new EventFd();
    const index = set.add(event.fd, linux.POLLIN);
    const broken = set.add(NOT_OPEN, linux.POLLIN);
    event.signal();

    for (let i = 0; i < 2; i++) for (const each of [index, broken]) set.setMuted(each, true);

    expect(set.wait(0)).toBe(0);
    expect([set.ready(index), set.ready(broken)]).toEqual([0, 0]);
    const other = set.add(event.fd, linux.POLLOUT);
    expect([index, broken]).not.toContain(other);
    set.remove(other);
    for (let i = 0; i < 2; i++) set.setMuted(index, false);
    expect(set.wait(0)).toBe(1);
    expect(set.ready(index)).toBe(linux.POLLIN);
    event.close();
  });

  test('grows beyond its first entries', () => {
    const set = new PollSet();
    const event = new EventFd();
    const indices = Array.from({ length: 40 }, () => set.add(event.fd, linux.POLLIN));
    event.signal();

    expect(set.wait(Infinity)).toBe(40);
    expect(indices.map((index) => set.ready(index))).toEqual(indices.map(() => linux.POLLIN));
    event.close();
  });

  test('reports a descriptor that is not open', () => {
    const set = new PollSet();
    const index = set.add(NOT_OPEN, linux.POLLIN);

    expect(set.wait(Infinity)).toBe(1);
    expect(set.ready(index)).toBe(linux.POLLNVAL);
  });

  test('refuses an index that it did not return', () => {
    const set = new PollSet();

    expect(() => set.ready(0)).toThrow(RangeError);
    expect(() => set.setEvents(-1, linux.POLLIN)).toThrow(RangeError);
  });
});

/** A descriptor that is not open. */
const NOT_OPEN = 1_000_000;
