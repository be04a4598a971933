import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TIMER, TimerTable, type Timer } from '../../src/peer/timer-table.ts';

describe('TimerTable', () => {
  it('has no first deadline when no timer is armed', () => {
    const timers = new TimerTable();
    timers.allocate();
    expect(timers.firstDeadline()).toBe(Infinity);
    expect(timers.firstSlot()).toBe(-1);
  });

  it('finds the first deadline and its slot', () => {
    const timers = new TimerTable();
    const [a, b] = [timers.allocate(), timers.allocate()];
    timers.arm(a, TIMER.KEEPALIVE, 100, 10);
    timers.arm(b, TIMER.RETRANSMIT, 100, 5.5);
    expect(timers.firstDeadline()).toBe(105.5);
    expect(timers.firstSlot()).toBe(b);
  });

  it('follows a deadline that is moved later, moved earlier or cleared', () => {
    const timers = new TimerTable();
    const slot = timers.allocate();
    timers.arm(slot, TIMER.KEEPALIVE, 0, 10);
    timers.arm(slot, TIMER.KEEPALIVE, 0, 90);
    expect(timers.firstDeadline()).toBe(90);
    timers.arm(slot, TIMER.KEEPALIVE, 0, 3);
    expect(timers.firstDeadline()).toBe(3);
    timers.clear(slot, TIMER.KEEPALIVE);
    expect(timers.firstDeadline()).toBe(Infinity);
    timers.arm(slot, TIMER.KEEPALIVE, 0, 4);
    expect(timers.firstDeadline()).toBe(4);
  });

  it('reuses a released slot, with no timer armed', () => {
    const timers = new TimerTable();
    const slot = timers.allocate();
    timers.arm(slot, TIMER.ZERO_KEYS, 0, 1);
    timers.release(slot);
    expect(timers.firstDeadline()).toBe(Infinity);
    expect(timers.allocate()).toBe(slot);
    expect(timers.isArmed(slot, TIMER.ZERO_KEYS)).toBe(false);
  });

  it('keeps the other slots when one is released', () => {
    const timers = new TimerTable();
    const [a, b, idle] = [timers.allocate(), timers.allocate(), timers.allocate()];
    timers.arm(a, TIMER.PERSISTENT_KEEPALIVE, 0, 20);
    timers.arm(b, TIMER.ZERO_KEYS, 0, 30);
    timers.release(idle);
    expect(timers.firstDeadline()).toBe(20);
    timers.release(a);
    expect(timers.firstDeadline()).toBe(30);
    expect(timers.firstSlot()).toBe(b);
    expect(timers.allocate()).toBe(a);
    timers.arm(a, TIMER.RETRANSMIT, 0, 40);
    expect(timers.firstDeadline()).toBe(30);
    timers.clear(b, TIMER.ZERO_KEYS);
    expect(timers.firstDeadline()).toBe(40);
  });

  it('returns for each timer whether it is armed, its deadline, and whether it is due', () => {
    const timers = new TimerTable();
    const slots = Array.from({ length: 3 }, () => timers.allocate());
    const all = slots.flatMap((slot) => Object.values(TIMER).map((timer) => ({ slot, timer })));
    for (const { slot, timer } of all) timers.arm(slot, timer, 1000, slot * 10 + timer);
    for (const { slot, timer } of all) {
      const deadline = 1000 + slot * 10 + timer;
      expect(timers.isArmed(slot, timer)).toBe(true);
      expect(timers.deadline(slot, timer)).toBe(deadline);
      expect(timers.isDue(slot, timer, deadline - 1)).toBe(false);
      expect(timers.isDue(slot, timer, deadline)).toBe(true);
    }
    timers.clear(1, TIMER.KEEPALIVE);
    timers.clearAll(2);
    const armed = all.filter(({ slot, timer }) => timers.isArmed(slot, timer));
    const gone = ({ slot, timer }: (typeof all)[number]): boolean =>
      slot === 2 || (slot === 1 && timer === TIMER.KEEPALIVE);
    expect(armed).toEqual(all.filter((each) => !gone(each)));
    expect(timers.deadline(2, TIMER.ZERO_KEYS)).toBe(Infinity);
  });

  it('keeps all deadlines and their order when it grows', () => {
    const timers = new TimerTable();
    // Deadlines may also be negative.
    const deadlines = Array.from({ length: 128 }, (_, i) => ((i * 37) % 131) - 200);
    for (const [i, deadline] of deadlines.entries()) {
      const slot = timers.allocate();
      expect(slot).toBe(i);
      timers.arm(slot, (i % 6) as Timer, deadline, 10);
      // The first deadline must be right while the table grows, too.
      expect(timers.firstDeadline()).toBe(Math.min(...deadlines.slice(0, i + 1)) + 10);
    }
    for (const [i, deadline] of deadlines.entries()) timers.arm(i, (i % 6) as Timer, deadline, 0);
    for (const deadline of deadlines.toSorted((a, b) => a - b)) {
      expect(timers.firstDeadline()).toBe(deadline);
      const slot = timers.firstSlot();
      expect(deadlines[slot]).toBe(deadline);
      timers.clear(slot, (slot % 6) as Timer);
    }
    expect(timers.firstSlot()).toBe(-1);
  });

  it('finds a deadline that is armed again after it was cleared', () => {
    const timers = new TimerTable();
    const [a, b] = [timers.allocate(), timers.allocate()];
    timers.arm(a, TIMER.KEEPALIVE, 0, 100);
    timers.clear(a, TIMER.KEEPALIVE);
    expect(timers.firstDeadline()).toBe(Infinity);
    timers.arm(b, TIMER.KEEPALIVE, 0, 70);
    timers.arm(a, TIMER.KEEPALIVE, 0, 50);
    expect(timers.firstDeadline()).toBe(50);
  });

  it('agrees with a plain list of deadlines over any sequence of changes', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 400, size: 'max' }), (changes) => {
        const timers = new TimerTable();
        const plain = new Map<string, number>();
        for (let i = 0; i < SLOTS; i++) timers.allocate();
        for (const { slot, timer, delay, look } of changes) {
          if (delay === undefined) {
            timers.clear(slot, timer);
            plain.delete(`${slot} ${timer}`);
          } else {
            timers.arm(slot, timer, 1000, delay);
            plain.set(`${slot} ${timer}`, 1000 + delay);
          }
          // The first deadline is not read after every change, so the keys of the heap may be out
          // of date.
          const expected = Math.min(...plain.values());
          expect(look ? timers.firstDeadline() : expected).toBe(expected);
        }
        expect(timers.firstDeadline()).toBe(Math.min(...plain.values()));
      }),
    );
  });
});

// There are few slots and two timers, so a change often clears the last deadline of a slot.
const SLOTS = 12;
const change = fc.record({
  slot: fc.nat(SLOTS - 1),
  timer: fc.constantFrom(0, 5),
  delay: fc.option(fc.nat(1000), { nil: undefined, freq: 2 }),
  look: fc.boolean(),
});
