import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HeldEvents } from '../src/held-events.ts';

let told: string[];
let released: number;
let events: HeldEvents;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  released = 0;
  events = new HeldEvents(() => {
    // Before the first of them is told.
    if (told.length === 0) released++;
  });
});

afterEach(() => vi.useRealTimers());

describe('HeldEvents', () => {
  it('holds all until the turn after the device is used', () => {
    tell('up');
    events.handedOut();
    tell('handshake');
    events.used();
    events.used();
    tell('session');
    expect([told, events.isHolding]).toEqual([[], true]);
    vi.advanceTimersByTime(0);
    expect([told, events.isHolding, released]).toEqual([['up', 'handshake', 'session'], false, 1]);
    tell('roam');
    expect(told).toHaveLength(4);
  });

  it('waits a second for that, and not longer', () => {
    events.handedOut();
    tell('up');
    vi.advanceTimersByTime(999);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect([told, released]).toEqual([['up'], 1]);
    events.used();
    vi.runAllTimers();
    expect(released).toBe(1);
  });

  it('waits as long as the device is being made', () => {
    tell('up');
    vi.advanceTimersByTime(5000);
    expect(told).toEqual([]);
    events.handedOut();
    events.used();
    vi.advanceTimersByTime(0);
    expect(told).toEqual(['up']);
  });

  it('holds no more than a thousand, and loses none of them', () => {
    events.handedOut();
    for (let i = 0; i < 1000; i++) tell(`${i}`);
    expect(told).toEqual([]);
    tell('1000');
    tell('1001');
    expect(told).toEqual(Array.from({ length: 1002 }, (_, i) => `${i}`));
  });

  it('tells behind the others what a listener gives rise to', () => {
    events.tell(() => {
      told.push('first');
      tell('third');
    });
    tell('second');
    events.release();
    expect(told).toEqual(['first', 'second', 'third']);
  });

  it('tells the others though a listener throws, in the next turn', () => {
    tell('first');
    events.tell(() => {
      throw new Error('no listener for it');
    });
    tell('third');
    expect(() => events.release()).toThrow('no listener for it');
    tell('fourth');
    expect(told).toEqual(['first']);
    vi.advanceTimersByTime(0);
    expect(told).toEqual(['first', 'third', 'fourth']);
    tell('fifth');
    expect([told.length, released]).toEqual([4, 1]);
  });

  it('keeps the process alive for what must not be lost', () => {
    const unref = vi.fn<() => NodeJS.Timeout>();
    vi.spyOn(globalThis, 'setTimeout').mockReturnValue({
      unref,
    } as Partial<NodeJS.Timeout> as never);
    events.hurry();
    events.handedOut();
    expect(unref).not.toHaveBeenCalled();
    new HeldEvents(() => {}).handedOut();
    expect(unref).toHaveBeenCalledOnce();
    vi.restoreAllMocks();
  });
});

function tell(name: string): void {
  events.tell(() => told.push(name));
}
