import { describe, expect, it } from 'vitest';
import { parseCpuTicks, parsePeakResidentKibibytes } from '../../src/peers/daemon-process.ts';

describe('parseCpuTicks', () => {
  it('adds user and system time', () => {
    const stat =
      '4242 (wireguard) S 1 4242 4242 0 -1 4194560 2731 0 3 0 151 249 0 0 20 0 9 0 577 1290240 2841';
    expect(parseCpuTicks(stat)).toBe(400);
  });

  it('accepts a program name with spaces and parentheses', () => {
    const stat = '7 (a) b (c d)) R 1 7 7 0 -1 0 0 0 0 0 11 22 0 0 20 0 1 0 5 6 7';
    expect(parseCpuTicks(stat)).toBe(33);
  });

  it('refuses an empty text', () => {
    expect(() => parseCpuTicks('')).toThrow(RangeError);
  });
});

describe('parsePeakResidentKibibytes', () => {
  it('reads the peak, not the present resident memory', () => {
    const status = 'Name:\tnode\nVmPeak:\t  999 kB\nVmHWM:\t  106312 kB\nVmRSS:\t   59000 kB\n';
    expect(parsePeakResidentKibibytes(status)).toBe(106_312);
  });

  it('refuses the status of a kernel thread, which has no VmHWM', () => {
    expect(() => parsePeakResidentKibibytes('Name:\tkthreadd\n')).toThrow(RangeError);
  });
});
