import { describe, expect, it } from 'vitest';
import { PacketPressure } from '../../src/rate/packet-pressure.ts';

describe('PacketPressure', () => {
  it('is high from about 25,000 packets per second on', () => {
    expect(pressureAt(20)).toBe(false);
    expect(pressureAt(30)).toBe(true);
  });

  it('is not high at the first call, nor at a second call at the same time', () => {
    const pressure = new PacketPressure();
    expect(pressure.isHigh(0, 1000)).toBe(false);
    expect(pressure.isHigh(1, 1000)).toBe(false);
  });

  it('is not high at the threshold itself', () => {
    for (const [packets, isHigh] of [
      [250, false],
      [251, true],
    ] as const) {
      const pressure = new PacketPressure();
      pressure.isHigh(0, 1000);
      expect(pressure.isHigh(packets, 1010)).toBe(isHigh);
    }
  });

  it('ends when there are no more packets', () => {
    const pressure = new PacketPressure();
    pressure.isHigh(0, 1000);
    expect(pressure.isHigh(1000, 1010)).toBe(true);
    expect(pressure.isHigh(1000, 1015)).toBe(true);
    expect(pressure.isHigh(1000, 1020)).toBe(false);
  });

  it('survives a clock that goes back', () => {
    const pressure = new PacketPressure();
    pressure.isHigh(0, 5000);
    expect(pressure.isHigh(1000, 100)).toBe(true);
    expect(pressure.isHigh(1000, 110)).toBe(false);
  });
});

function pressureAt(perMs: number): boolean {
  const pressure = new PacketPressure();
  let isHigh = false;
  for (let ms = 0; ms < 100; ms++) isHigh = pressure.isHigh(ms * perMs, 1000 + ms);
  return isHigh;
}
