import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { EventFd, linux, PollSet } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

describeWith([linuxCalls], 'EventFd', () => {
  test('is readable from the first signal to the next clear', () => {
    const event = new EventFd();

    expect(isReadable(event.fd)).toBe(false);
    event.signal();
    event.signal();
    expect(isReadable(event.fd)).toBe(true);
    event.clear();
    expect(isReadable(event.fd)).toBe(false);
    event.clear();
    event.close();
  });

  test('is signalled by an EventFd from `fromFd`, and stays open when that one is closed', () => {
    const event = new EventFd();
    const other = EventFd.fromFd(event.fd);

    other.signal();
    other.close();

    expect(other.fd).toBe(-1);
    expect(isReadable(event.fd)).toBe(true);
    event.close();
  });

  test('does nothing after it is closed', () => {
    const event = new EventFd();
    event.close();

    expect(event.fd).toBe(-1);
    expect(() => {
      event.signal();
      event.clear();
      event.close();
    }).not.toThrow();
  });
});

function isReadable(fd: number): boolean {
  const set = new PollSet();
  const index = set.add(fd, linux.POLLIN);
  set.wait(0);
  return set.ready(index) === linux.POLLIN;
}
