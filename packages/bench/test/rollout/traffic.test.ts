import { describe, expect, it } from 'vitest';
import { parseResets } from '../../src/rollout/traffic.ts';

describe('parseResets', () => {
  it('adds the sent resets and the connections that were reset', () => {
    const text = [
      'Ip: Forwarding DefaultTTL',
      'Ip: 1 64',
      'Tcp: RtoAlgorithm EstabResets CurrEstab OutRsts InCsumErrors',
      'Tcp: 1 2 7 5 0',
    ].join('\n');
    expect(parseResets(text)).toBe(7);
  });

  it('refuses a text without counters', () => {
    expect(() => parseResets('Tcp: RtoAlgorithm\nTcp: 1')).toThrow(RangeError);
  });
});
