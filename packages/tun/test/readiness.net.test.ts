import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { EventFd, linux } from '@litz/sys';
import { describeWith, requirement } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { Readiness } from '../src/readiness.ts';
import { builtTun } from './requirements.ts';

const linuxAlone = requirement('Linux', () => process.platform === 'linux');
const { POLLIN, POLLOUT } = linux;

describeWith([linuxAlone, builtTun], 'Readiness', () => {
  test('reports once per request, although the descriptor stays ready', async () => {
    const { watched, readiness, reports } = watching();
    watched.signal();
    readiness.request(POLLIN);
    expect(await reports.next()).toBe(POLLIN);
    await setTimeout(50);
    expect(reports.waiting).toBe(0);
    readiness.request(POLLIN);
    expect(await reports.next()).toBe(POLLIN);
  });

  test('waits until the descriptor is ready', async () => {
    const { watched, readiness, reports } = watching();
    readiness.request(POLLIN);
    await setTimeout(50);
    expect(reports.waiting).toBe(0);
    watched.signal();
    expect(await reports.next()).toBe(POLLIN);
  });

  test('reports nothing without a request', async () => {
    const { watched, reports } = watching();
    watched.signal();
    await setTimeout(50);
    expect(reports.waiting).toBe(0);
  });

  test('accepts another request while it waits', async () => {
    const { readiness, reports } = watching();
    readiness.request(POLLIN);
    await setTimeout(50);
    readiness.request(POLLIN | POLLOUT);
    expect(await reports.next()).toBe(POLLOUT);
  });

  test('does not use the descriptor after stop has returned', async () => {
    const { watched, readiness, reports } = watching();
    readiness.request(POLLIN);
    await setTimeout(50);
    readiness.stop();
    watched.signal();
    await readiness.ended;
    expect(reports.waiting).toBe(0);
  });

  test('ends if it is stopped before its thread has started', async () => {
    const { readiness } = watching();
    readiness.stop();
    await expect(readiness.ended).resolves.toBeUndefined();
  });
});

function watching() {
  const watched = new EventFd();
  const reports = new Reports();
  const failed = new AbortController();
  const readiness = new Readiness({
    fd: watched.fd,
    onReady: (events) => reports.push(events),
    onError: (error) => failed.abort(error),
  });
  onTestFinished(async () => {
    readiness.stop();
    await readiness.ended;
    watched.close();
    failed.signal.throwIfAborted();
  });
  return { watched, readiness, reports };
}

/** The events that were reported and not yet taken. */
class Reports extends EventTarget {
  readonly #events: number[] = [];

  get waiting(): number {
    return this.#events.length;
  }

  push(events: number): void {
    this.#events.push(events);
    this.dispatchEvent(new Event('reports'));
  }

  async next(): Promise<number> {
    if (this.#events.length === 0) {
      await once(this, 'reports', { signal: AbortSignal.timeout(5000) });
    }
    return this.#events.shift()!;
  }
}
