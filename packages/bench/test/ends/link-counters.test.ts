import { describe, expect, it } from 'vitest';
import {
  parseLinkCounters,
  sentMessages,
  writtenPackets,
  type LinkCounters,
} from '../../src/ends/link-counters.ts';

const TEXT = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     10       1    0    0    0     0          0         0       10       1    0    0    0     0       0          0
    va: 12345678     90    0    0    0     0          0         0 87654321     65    0    0    0     0       0          0
`;

function counters(part: Partial<LinkCounters>): LinkCounters {
  return { receivedBytes: 0, receivedPackets: 0, sentBytes: 0, sentPackets: 0, ...part };
}

describe('parseLinkCounters', () => {
  it('returns the counters of an interface, and throws if the interface is missing', () => {
    expect(parseLinkCounters(TEXT, 'va')).toEqual({
      receivedBytes: 12345678,
      receivedPackets: 90,
      sentBytes: 87654321,
      sentPackets: 65,
    });
    expect(() => parseLinkCounters(TEXT, 'vb')).toThrow(RangeError);
  });
});

describe('sentMessages', () => {
  it('counts each WireGuard message if the kernel counts many datagrams as one packet', () => {
    const before = counters({ sentBytes: 1000, sentPackets: 7 });
    const after = counters({ sentBytes: 1000 + 2 * 42 + 90 * 1452, sentPackets: 9 });
    expect(sentMessages(before, after, 1452)).toBe(90);
  });

  it('counts packets if each datagram is one packet, even if messages have no padding', () => {
    const after = counters({ sentBytes: 10 * (42 + 232), sentPackets: 10 });
    expect(sentMessages(counters({}), after, 240)).toBe(10);
    expect(sentMessages(counters({}), counters({}), 240)).toBe(0);
  });
});

describe('writtenPackets', () => {
  it('counts each packet of a super-packet', () => {
    const after = counters({ receivedBytes: 3 * 28 + 100 * 1392, receivedPackets: 3 });
    expect(writtenPackets(counters({}), after, 1420)).toBe(100);
  });
});
