import { describe, expect, it } from 'vitest';
import { Crossing } from '../../src/demo/crossing.ts';
import { failuresOf, formatReport, type DemoResult } from '../../src/demo/report.ts';

describe('formatReport', () => {
  it('reports what crossed the wire', () => {
    const text = formatReport(result());
    expect(text).toContain('handshake    2.5 ms\n');
    expect(text).toContain('round trip   0.20 ms (median of 3, 4 sent)\n');
    expect(text).toContain('throughput   0.80 Gbit/s (100.0 MB, SHA-256 the same on both sides)\n');
    expect(text).toContain('1 transport data');
    expect(text).toContain('0 of them contain plaintext\n');
  });

  it('reports how many frames the capture missed', () => {
    expect(formatReport(result({ lostFrames: 7 }))).toContain('(the capture missed 7)');
  });
});

describe('failuresOf', () => {
  it('finds no problem with a tunnel that works', () => {
    expect(failuresOf(result())).toEqual([]);
  });

  it.each([
    [{ rttsMs: [] }, 'no ping was answered'],
    [
      { transfer: { bytes: 1, seconds: 1, intact: false } },
      'the data that arrived is not the data that was sent',
    ],
    [{ crossing: new Crossing(1, MARKER) }, 'no transport data crossed the wire'],
  ])('names what is wrong in a result with one fault: fault %#', (change, failure) => {
    expect(failuresOf(result(change))).toEqual([failure]);
  });

  it('reports plaintext, and frames that are not WireGuard', () => {
    const { crossing } = result();
    crossing.addPayload(MARKER);
    expect(failuresOf(result({ crossing }))).toEqual([
      'plaintext crossed the wire',
      '1 frames on the wire are not WireGuard',
    ]);
  });
});

const MARKER = Buffer.from('marker');

function result(change: Partial<DemoResult> = {}): DemoResult {
  const crossing = new Crossing(1, MARKER);
  crossing.addPayload(Uint8Array.of(4, ...new Uint8Array(99)));
  return {
    handshakeMs: 2.5,
    rttsMs: [0.1, 0.3, 0.2],
    pingsSent: 4,
    transfer: { bytes: 100e6, seconds: 1, intact: true },
    crossing,
    lostFrames: 0,
    ...change,
  };
}
