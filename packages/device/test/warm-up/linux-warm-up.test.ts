import type { PollSet } from '@litz/sys';
import { describe, expect, it } from 'vitest';
import type { LinuxPackages } from '../../src/linux/linux-packages.ts';
import { LinuxWarmUp, type LinuxWarmUpOptions } from '../../src/warm-up/linux-warm-up.ts';

/** A poll set in which nothing is ever ready. */
const IDLE = { wait: () => 0 } as unknown as PollSet;

describe('LinuxWarmUp', () => {
  it('pauses while a stream comes, and continues 100 ms after it', () => {
    const { clock, warmUp, hasBegun } = create();
    clock.now = 1000;
    warmUp.run(IDLE, Infinity, 4);
    expect(warmUp.due).toBe(1100);
    clock.now = 1050;
    warmUp.run(IDLE, Infinity, 8);
    expect(warmUp.due).toBe(1150);
    clock.now = 1149;
    warmUp.run(IDLE, Infinity, 8);
    expect(hasBegun()).toBe(false);
    clock.now = 1150;
    warmUp.run(IDLE, Infinity, 8);
    expect(hasBegun()).toBe(true);
    expect(warmUp.due).toBe(Infinity);
  });

  it('pauses for 5 ms after a single packet, so that the answer does not wait', () => {
    const { clock, warmUp, hasBegun } = create();
    for (let packets = 3; packets <= 30; packets += 3) {
      clock.now += 2;
      warmUp.run(IDLE, Infinity, packets);
      expect(warmUp.due).toBe(clock.now + 5);
    }
    clock.now += 4;
    warmUp.run(IDLE, Infinity, 30);
    expect(hasBegun()).toBe(false);
    clock.now += 1;
    warmUp.run(IDLE, Infinity, 30);
    expect(hasBegun()).toBe(true);
  });

  it('does not shorten the pause after a stream when a single packet comes', () => {
    const { clock, warmUp } = create();
    clock.now = 1000;
    warmUp.run(IDLE, Infinity, 4);
    clock.now = 1050;
    warmUp.run(IDLE, Infinity, 5);
    expect(warmUp.due).toBe(1100);
    clock.now = 1098;
    warmUp.run(IDLE, Infinity, 6);
    expect(warmUp.due).toBe(1103);
  });

  it('pauses for 100 ms after a configuration, because the link goes up next', () => {
    const { clock, warmUp, hasBegun } = create();
    clock.now = 1000;
    warmUp.pauseForConfiguration();
    expect(warmUp.due).toBe(1100);
    clock.now = 1099;
    warmUp.run(IDLE, Infinity, 0);
    expect(hasBegun()).toBe(false);
    clock.now = 1100;
    warmUp.run(IDLE, Infinity, 0);
    expect(hasBegun()).toBe(true);
  });

  it.each(['begin', 'finish'] as const)('runs at once when `%s` is called', (method) => {
    const { warmUp, hasBegun } = create();
    warmUp[method]();
    expect(hasBegun()).toBe(true);
  });

  it.each([
    ['begin', 250, false],
    ['finish', 5000, true],
  ] as const)(
    'does nothing in `%s` when the thread is stopped, or after %i ms',
    (method, mostMs, isDone) => {
      const stopped = create({ isStopped: true });
      stopped.warmUp[method]();
      const slow = create();
      slow.clock.step = mostMs;
      slow.warmUp[method]();
      for (const { warmUp, hasBegun } of [stopped, slow]) {
        expect(hasBegun()).toBe(false);
        expect(warmUp.isDone).toBe(isDone);
      }
      const fast = create();
      fast.clock.step = mostMs - 1;
      fast.warmUp[method]();
      expect(fast.hasBegun()).toBe(true);
    },
  );

  it('is over after more than 20,000 packets of the device', () => {
    const { warmUp, hasBegun } = create();
    warmUp.run(IDLE, Infinity, 20_001);
    expect(warmUp.isDone).toBe(true);
    expect(hasBegun()).toBe(false);
  });
});

class EmptySet {
  wait(): number {
    return 0;
  }
}

/** A clock, and what it advances by each time that it is read. */
interface Clock {
  now: number;
  step: number;
}

/** Makes a warm-up that ends with its first slice, because opening its TUNs fails. */
function create({ isStopped = false } = {}): {
  clock: Clock;
  warmUp: LinuxWarmUp;
  hasBegun: () => boolean;
} {
  const clock: Clock = { now: 0, step: 0 };
  let hasBegun = false;
  const packages = {
    sys: { boottimeMs: () => (clock.now += clock.step), PollSet: EmptySet },
    tun: {
      openTunPair() {
        hasBegun = true;
        throw new Error('no TUNs');
      },
    },
  } as unknown as LinuxPackages;
  const warmUp = new LinuxWarmUp({ packages, control: { isStopped } } as LinuxWarmUpOptions);
  return { clock, warmUp, hasBegun: () => hasBegun };
}
