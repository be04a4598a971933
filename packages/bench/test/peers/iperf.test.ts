import { describe, expect, it } from 'vitest';
import { parseIperf } from '../../src/peers/iperf.ts';

describe('parseIperf', () => {
  it('reads the rate and the bytes that the receiver reports', () => {
    const sent = { bytes: 890_194_760, bits_per_second: 7_121_558_080 };
    const received = { bytes: 854_255_220, bits_per_second: 6_834_041_760 };
    const end = { sum: { ...sent, lost_percent: 4.03 }, sum_sent: sent, sum_received: received };
    expect(parseIperf(JSON.stringify({ end }))).toEqual({
      receivedMbps: 6834.04176,
      receivedBytes: 854_255_220,
    });
  });

  it('subtracts the loss if the report has only the sum of the sender', () => {
    const end = { sum: { bytes: 1000, bits_per_second: 8e6, lost_percent: 25 } };
    expect(parseIperf(JSON.stringify({ end }))).toEqual({ receivedMbps: 6, receivedBytes: 750 });
  });

  it('reports the error of iperf3', () => {
    const report = { start: {}, end: {}, error: 'unable to connect to server' };
    expect(() => parseIperf(JSON.stringify(report))).toThrow('unable to connect to server');
  });

  it('refuses a text that is not a complete report', () => {
    expect(() => parseIperf('{"end":{}}')).toThrow(RangeError);
    expect(() => parseIperf('{"end":{"sum_received":{"bytes":1}}}')).toThrow(RangeError);
    expect(() => parseIperf('')).toThrow(SyntaxError);
  });
});
