import { createInterface } from 'node:readline';
import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { builtSys, runInProcess, runInWorker } from './built.ts';
import { linuxCalls } from './requirements.ts';

describeWith([linuxCalls, builtSys], 'PollSet with signals and threads', () => {
  test('sleeps until its time-out although signals arrive', async () => {
    const child = runInProcess(`
      let signals = 0;
      process.on('SIGUSR2', () => signals++);
      const start = sys.boottimeMs();
      process.stdout.write('ready\\n');
      const ready = new sys.PollSet().wait(300);
      const elapsed = sys.boottimeMs() - start;
      // The signal handlers run only when the event loop runs again.
      setTimeout(() => {
        process.stdout.write(JSON.stringify({ ready, elapsed, signals }));
        process.exit();
      }, 50);
    `);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('ready');
    const signalling = setInterval(() => child.kill('SIGUSR2'), 20);

    const last = await lines.next().finally(() => clearInterval(signalling));

    const { ready, elapsed, signals } = JSON.parse(String(last.value)) as Record<string, number>;
    expect(signals).toBeGreaterThan(0);
    expect(ready).toBe(0);
    expect(elapsed).toBeGreaterThanOrEqual(300);
  });

  test('wakes for an eventfd of another thread', async () => {
    const woken = await runInWorker(`
      const { Worker } = require('node:worker_threads');
      const event = new sys.EventFd();
      const entry = ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
      const waker = new Worker(
        "const { workerData } = require('node:worker_threads');" +
        "import(workerData.entry).then(({ EventFd }) => EventFd.fromFd(workerData.fd).signal());",
        { eval: true, workerData: { fd: event.fd, entry } },
      );
      // The waker is started by this thread's event loop.
      await new Promise((resolve) => waker.once('online', resolve));
      const set = new sys.PollSet();
      const index = set.add(event.fd, sys.linux.POLLIN);
      return [set.wait(10_000), set.ready(index)];
    `);

    expect(woken).toEqual([1, 1]);
  });
});
