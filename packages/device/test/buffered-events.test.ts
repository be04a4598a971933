import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BufferedEvents } from '../src/buffered-events.ts';

let told: string[];
let released: number;
let events: BufferedEvents;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  released = 0;
  events = new BufferedEvents(() => {
    // The callback must be called before the first event is emitted. A later call is not counted.
    if (told.length === 0) released++;
  });
});

afterEach(() => vi.useRealTimers());

describe('BufferedEvents', () => {
  it('keeps all events until the turn of the event loop that follows the first use of the device', () => {
    tell('up');
    events.startTimeLimit();
    tell('handshake');
    events.markUsed();
    events.markUsed();
    tell('session');
    expect([told, events.isBuffering]).toEqual([[], true]);
    vi.advanceTimersByTime(0);
    expect([told, events.isBuffering, released]).toEqual([
      ['up', 'handshake', 'session'],
      false,
      1,
    ]);
    tell('roam');
    expect(told).toHaveLength(4);
  });

  it('keeps events for one second at most', () => {
    events.startTimeLimit();
    tell('up');
    vi.advanceTimersByTime(999);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect([told, released]).toEqual([['up'], 1]);
    events.markUsed();
    vi.runAllTimers();
    expect(released).toBe(1);
  });

  it('keeps events without a time limit while the device is being made', () => {
    tell('up');
    vi.advanceTimersByTime(5000);
    expect(told).toEqual([]);
    events.startTimeLimit();
    events.markUsed();
    vi.advanceTimersByTime(0);
    expect(told).toEqual(['up']);
  });

  it('emits all kept events when there are more than a thousand, and loses none', () => {
    events.startTimeLimit();
    for (let i = 0; i < 1000; i++) tell(`${i}`);
    expect(told).toEqual([]);
    tell('1000');
    tell('1001');
    expect(told).toEqual(Array.from({ length: 1002 }, (_, i) => `${i}`));
  });

  it('emits the events that a listener causes only after the kept events', () => {
    events.add(() => {
      told.push('first');
      tell('third');
    });
    tell('second');
    events.release();
    expect(told).toEqual(['first', 'second', 'third']);
  });

  it('emits the other events in the next turn when a listener throws', () => {
    tell('first');
    events.add(() => {
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

  it('keeps the process alive for events that must not be lost', () => {
    const unref = vi.fn<() => NodeJS.Timeout>();
    vi.spyOn(globalThis, 'setTimeout').mockReturnValue({
      unref,
    } as Partial<NodeJS.Timeout> as never);
    events.keepProcessAlive();
    events.startTimeLimit();
    expect(unref).not.toHaveBeenCalled();
    new BufferedEvents(() => {}).startTimeLimit();
    expect(unref).toHaveBeenCalledOnce();
    vi.restoreAllMocks();
  });
});

function tell(name: string): void {
  events.add(() => told.push(name));
}
