import { describe, expect, it } from 'vitest';
import { parseResets } from '../../src/rollout/traffic.ts';

describe('parseResets', () => {
  it('adds the resets that were sent to those that came', () => {
    const text = [
      'Ip: Forwarding DefaultTTL',
      'Ip: 1 64',
      'Tcp: RtoAlgorithm EstabResets CurrEstab OutRsts InCsumErrors',
      'Tcp: 1 2 7 5 0',
    ].join('\n');
    expect(parseResets(text)).toBe(7);
  });

  it('refuses a text without them', () => {
    expect(() => parseResets('Tcp: RtoAlgorithm\nTcp: 1')).toThrow(RangeError);
  });
});
