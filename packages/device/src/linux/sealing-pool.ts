/**
 * `SealingPool`: the threads that help the packet loop of a device to seal and open. They run code
 * of `@litz/openssl`, and the main thread starts them.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import type { CipherThreads, CipherThreadStart } from '@litz/openssl';
import type { SealingThreads } from '../plane/sealing-runs.ts';
import type { OpeningThreads } from '../plane/udp-to-tun.ts';
import { ThreadGrowth } from './thread-growth.ts';

export class SealingPool implements SealingThreads, OpeningThreads {
  readonly #threads: CipherThreads;
  readonly #start: (start: CipherThreadStart) => void;
  readonly #growth: ThreadGrowth | undefined;
  #started = 1;
  #isResting = false;

  /**
   * @param threads how many, including the thread of the packet loop; 'auto': as many as make the
   *   packet loop faster, up to `cipherThreads.most`
   * @param start asks the main thread to start a thread
   */
  constructor(
    cipherThreads: CipherThreads,
    threads: number | 'auto',
    start: (start: CipherThreadStart) => void,
  ) {
    this.#threads = cipherThreads;
    this.#start = start;
    if (threads === 'auto') {
      const idle = new IdleCores();
      this.#growth = new ThreadGrowth({
        most: cipherThreads.most,
        idleCores: () => idle.sinceLast(),
      });
    } else {
      while (this.#started < threads) this.#grow();
    }
  }

  get isBusy(): boolean {
    return this.#threads.isBusy;
  }

  get mark(): number {
    return this.#threads.mark;
  }

  get running(): number {
    return this.#isResting ? 1 : this.#threads.running;
  }

  open(): void {
    this.#threads.open();
  }

  hasFinished(mark: number): boolean {
    return this.#threads.hasFinished(mark);
  }

  finish(mark?: number): void {
    this.#threads.finish(mark);
  }

  close(): void {
    this.#threads.close();
  }

  beginOpening(): void {
    this.#threads.beginOpening();
  }

  publishLast(): void {
    this.#threads.publishLast();
  }

  finishOpening(mark: number): void {
    this.#threads.finishOpening(mark);
  }

  endOpening(): void {
    this.#threads.endOpening();
  }

  /** Must be called after each turn of the packet loop. See `ThreadGrowth.observe`. */
  observe(beganAt: number, endedAt: number, bytes: number): void {
    const step = this.#growth?.observe(beganAt, endedAt, bytes) ?? 'none';
    if (step === 'none') return;
    this.#isResting = step === 'rest';
    if (step === 'start') this.#grow();
  }

  /** Lets all threads end. */
  end(): void {
    this.#threads.end();
  }

  #grow(): void {
    this.#start(this.#threads.start(this.#started++));
  }
}

/**
 * Returns the idle time of all cores, in ticks of 10 ms: the sum of `idle` and `iowait` in
 * /proc/stat.
 */
export function idleTicks(stat: string): number {
  const fields = stat.slice(0, stat.indexOf('\n')).split(/\s+/).map(Number);
  return (fields[4] ?? 0) + (fields[5] ?? 0);
}

class IdleCores {
  #ticks = 0;
  #at = 0;

  sinceLast(): number {
    const ticks = idleTicks(readFileSync('/proc/stat', 'latin1'));
    const now = performance.now();
    const idle = ((ticks - this.#ticks) * 10) / (now - this.#at);
    this.#ticks = ticks;
    this.#at = now;
    return idle;
  }
}
