/**
 * The thread of a `Readiness`. It sleeps in poll. When the descriptor is ready, it posts the events
 * to the other thread, once per request.
 *
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads';
import { EventFd, linux, PollSet } from '@litz/sys';
import { POLLING, STOPPED, REQUESTED, type ReadinessStart } from './readiness-flags.ts';

const { memory, fd, wakeFd } = workerData as ReadinessStart;
const flags = new Int32Array(memory);
const wake = EventFd.fromFd(wakeFd);
const polled = new PollSet();
const wakeIndex = polled.add(wakeFd, linux.POLLIN);

while (isRunning()) {
  const requested = Atomics.load(flags, REQUESTED);
  // If no events are requested, the descriptor is not polled: a deleted interface would report
  // POLLERR all the time.
  const index = requested === 0 ? undefined : polled.add(fd, requested);
  polled.wait(Infinity);
  if (polled.ready(wakeIndex) !== 0) wake.clear();
  if (index === undefined) continue;
  if (polled.ready(index) !== 0) {
    // Does not clear events that were requested meanwhile.
    Atomics.compareExchange(flags, REQUESTED, requested, 0);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
    parentPort?.postMessage(polled.ready(index));
  }
  polled.remove(index);
}
Atomics.store(flags, POLLING, 0);
Atomics.notify(flags, POLLING);

/**
 * First stores that this thread may sleep, then reads STOPPED. `Readiness.stop` first stores
 * STOPPED, then reads POLLING. So at least one of the two threads sees the value that the other
 * thread has stored.
 */
function isRunning(): boolean {
  Atomics.store(flags, POLLING, 1);
  return Atomics.load(flags, STOPPED) === 0;
}
