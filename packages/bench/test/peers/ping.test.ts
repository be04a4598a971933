import { describe, expect, it } from 'vitest';
import { parsePing } from '../../src/peers/ping.ts';

describe('parsePing', () => {
  it('reads the time of each answer, and how many pings were sent', () => {
    const output = [
      'PING 10.9.0.2 (10.9.0.2) 56(84) bytes of data.',
      '64 bytes from 10.9.0.2: icmp_seq=1 ttl=64 time=0.076 ms',
      '64 bytes from 10.9.0.2: icmp_seq=2 ttl=64 time=12 ms',
      '',
      '--- 10.9.0.2 ping statistics ---',
      '3 packets transmitted, 2 received, 33.3333% packet loss, time 32ms',
      'rtt min/avg/max/mdev = 0.076/6.038/12.000/5.962 ms',
      '',
    ].join('\n');
    expect(parsePing(output)).toEqual({ times: [0.076, 12], sent: 3 });
  });

  it('does not count duplicates', () => {
    const output = [
      '64 bytes from 10.9.0.2: icmp_seq=1 ttl=64 time=0.076 ms',
      '64 bytes from 10.9.0.2: icmp_seq=1 ttl=64 time=0.080 ms (DUP!)',
      '1 packets transmitted, 1 received, +1 duplicates, 0% packet loss, time 0ms',
    ].join('\n');
    expect(parsePing(output).times).toEqual([0.076]);
  });

  it('refuses the output of a ping that did not end', () => {
    expect(() => parsePing('64 bytes from 10.9.0.2: icmp_seq=1 ttl=64 time=1 ms')).toThrow(
      RangeError,
    );
  });
});
