import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SENT, SentSegments } from '../../src/tcp/sent-segments.ts';

describe('SentSegments', () => {
  test('keeps its sums right, whatever happens, also where sequence numbers wrap', () => {
    const action = fc.tuple(fc.nat(5), fc.nat(99), fc.nat(99));
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60, size: 'max' }), (actions) => {
        const sent = new SentSegments();
        let next = 0x7fff_ffb0 | 0;
        for (const [kind, a, b] of actions) {
          const index = sent.count === 0 ? 0 : a % sent.count;
          if (kind === 0) {
            sent.append(next, b + 1, a);
            next = (next + b + 1) | 0;
          } else if (sent.count === 0) continue;
          else if (kind === 1) sent.splitAt((sent.start(index) + (b % sent.length(index))) | 0);
          else if (kind === 2 && !sent.has(index, SENT.SACKED)) sent.markSacked(index);
          else if (kind === 3 && !sent.has(index, SENT.SACKED)) sent.markLost(index);
          else if (kind === 4 && sent.has(index, SENT.LOST)) sent.markResent(index, b);
          else if (kind === 5 && b % 4 === 0) sent.removeUntil(sent.end(index));
          check(sent, next);
        }
        sent.forgetSacks();
        check(sent, next);
        expect(sent.sacked).toBe(0);
      }),
    );
  });

  test('finds the entry of a sequence number', () => {
    const sent = new SentSegments();
    for (let i = 0; i < 5; i++) sent.append(100 + i * 10, 10, i);
    expect([100, 109, 110, 149, 150, 99].map((at) => sent.find(at))).toEqual([0, 0, 1, 4, 5, 0]);
    expect([sent.splitAt(115), sent.count, sent.start(2), sent.sentAt(2)]).toEqual([2, 6, 115, 1]);
    expect([sent.splitAt(115), sent.splitAt(150), sent.count]).toEqual([2, 6, 6]);
  });

  test('counts a segment only once, also if it was lost twice (RFC 6675 4)', () => {
    const sent = new SentSegments();
    sent.append(0, 10, 0);
    sent.append(10, 10, 0);
    sent.markLost(0);
    expect([sent.pipe, sent.lost]).toEqual([10, 10]);
    sent.markResent(0, 5);
    expect([sent.pipe, sent.resent, sent.sentAt(0)]).toEqual([20, 10, 5]);
    sent.markLost(0);
    expect([sent.pipe, sent.lost, sent.resent]).toEqual([10, 10, 0]);
    sent.markSacked(0);
    expect([sent.pipe, sent.lost, sent.sacked]).toEqual([10, 0, 10]);
  });
});

function check(sent: SentSegments, next: number): void {
  const sums = { sacked: 0, lost: 0, resent: 0, all: 0 };
  let isSound = true;
  for (let i = 0; i < sent.count; i++) {
    const length = sent.length(i);
    isSound &&= length > 0 && (i + 1 === sent.count || sent.end(i) === sent.start(i + 1));
    sums.all += length;
    if (sent.has(i, SENT.SACKED)) sums.sacked += length;
    if (sent.has(i, SENT.LOST)) sums.lost += length;
    if (sent.has(i, SENT.RESENT)) sums.resent += length;
  }
  if (sent.count > 0) isSound &&= sent.end(sent.count - 1) === next;
  const { sacked, lost, resent, all } = sums;
  isSound &&= sent.sacked === sacked && sent.lost === lost && sent.resent === resent;
  isSound &&= sent.pipe === all - sacked - lost + resent;
  if (!isSound) throw new Error('the sums are wrong');
}
