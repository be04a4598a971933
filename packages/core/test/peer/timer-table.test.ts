import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TIMER, TimerTable, type Timer } from '../../src/peer/timer-table.ts';

describe('TimerTable', () => {
  it('has no first deadline when nothing is armed', () => {
    const timers = new TimerTable();
    timers.allocate();
    expect(timers.first()).toBe(Infinity);
    expect(timers.firstSlot()).toBe(-1);
  });

  it('knows the first deadline and whose it is', () => {
    const timers = new TimerTable();
    const [a, b] = [timers.allocate(), timers.allocate()];
    timers.arm(a, TIMER.KEEPALIVE, 100, 10);
    timers.arm(b, TIMER.RETRANSMIT, 100, 5.5);
    expect(timers.first()).toBe(105.5);
    expect(timers.firstSlot()).toBe(b);
  });

  it('follows a deadline that is moved later, moved earlier or cleared', () => {
    const timers = new TimerTable();
    const slot = timers.allocate();
    timers.arm(slot, TIMER.KEEPALIVE, 0, 10);
    timers.arm(slot, TIMER.KEEPALIVE, 0, 90);
    expect(timers.first()).toBe(90);
    timers.arm(slot, TIMER.KEEPALIVE, 0, 3);
    expect(timers.first()).toBe(3);
    timers.clear(slot, TIMER.KEEPALIVE);
    expect(timers.first()).toBe(Infinity);
    timers.arm(slot, TIMER.KEEPALIVE, 0, 4);
    expect(timers.first()).toBe(4);
  });

  it('gives a released slot out again, with nothing armed', () => {
    const timers = new TimerTable();
    const slot = timers.allocate();
    timers.arm(slot, TIMER.ZERO_KEYS, 0, 1);
    timers.release(slot);
    expect(timers.first()).toBe(Infinity);
    expect(timers.allocate()).toBe(slot);
    expect(timers.isArmed(slot, TIMER.ZERO_KEYS)).toBe(false);
  });

  it('agrees with a plain list of deadlines over any sequence of changes', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 400 }), (changes) => {
        const timers = new TimerTable();
        const plain = new Map<string, number>();
        for (let i = 0; i < SLOTS; i++) timers.allocate();
        for (const { slot, timer, delay, look } of changes) {
          if (delay === undefined) {
            timers.clear(slot, timer as Timer);
            plain.delete(`${slot} ${timer}`);
          } else {
            timers.arm(slot, timer as Timer, 1000, delay);
            plain.set(`${slot} ${timer}`, 1000 + delay);
          }
          // Not always: keys must be able to lag behind.
          const expected = Math.min(...plain.values());
          expect(look ? timers.first() : expected).toBe(expected);
        }
        expect(timers.first()).toBe(Math.min(...plain.values()));
      }),
    );
  });
});

const SLOTS = 40;
const change = fc.record({
  slot: fc.nat(SLOTS - 1),
  timer: fc.nat(5),
  delay: fc.option(fc.nat(1000), { nil: undefined, freq: 3 }),
  look: fc.boolean(),
});
