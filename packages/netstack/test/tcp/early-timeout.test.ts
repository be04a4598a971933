import { describe, expect, test } from 'vitest';
import { Script } from './script.ts';

const SACK = '<mss 1000,sackOK>';

/**
 * Ten segments are on the way, more wait, and the timer has fired: the first one was sent again.
 */
function timedOut(syn?: string): Script {
  const script = Script.connected({ ...(syn && { syn }) }, 60_000);
  script.send(30_000);
  expect(script.sent().length).toBe(10);
  script.advance(220);
  expect(script.sent()).toEqual(['. 1:1001 ack 1']);
  // Longer than the round trip, so an acknowledgement can be the answer to either transmission.
  script.advance(60);
  return script;
}

/** As `timedOut`, with SACK. Before the timeout, a tail loss probe has sent an eleventh segment. */
function timedOutWithSack(syn = SACK): Script {
  const script = Script.connected({ syn }, 60_000);
  script.send(30_000);
  expect(script.sent().length).toBe(10);
  script.advance(42);
  expect(script.sent().length).toBe(1);
  script.advance(220);
  expect(script.sent().length).toBe(1);
  script.advance(60);
  return script;
}

function isNewData(text: string): boolean {
  return Number(/\d+/.exec(text)) > 13_000;
}

describe('F-RTO without SACK (RFC 5682 2.1)', () => {
  test('undoes a timeout when data that was not sent again is acknowledged', () => {
    const script = timedOut();
    script.inject('. 1:1 ack 1001 win 60000');
    expect(script.sent()).toEqual(['. 10001:11001 ack 1', '. 11001:12001 ack 1']);
    script.inject('. 1:1 ack 2001 win 60000');
    expect(script.sent()).toEqual(['. 12001:13001 ack 1']);
    // The window has its old value again, so acknowledgements of the original segments let the
    // connection send new data.
    script.inject('. 1:1 ack 10001 win 60000');
    expect(script.sent().length).toBeGreaterThan(8);
    // The second transmission of the first segment arrives. Its answer is a duplicate, which says
    // nothing.
    script.inject('. 1:1 ack 10001 win 60000');
    expect(script.sent().every(isNewData)).toBe(true);
  });

  test('finds a loss if the second acknowledgement is a duplicate (step 3a)', () => {
    const script = timedOut();
    script.inject('. 1:1 ack 1001 win 60000');
    expect(script.sent().length).toBe(2);
    script.inject('. 1:1 ack 1001 win 60000');
    expect(script.sent()).toEqual(['. 1001:2001 ack 1', '. 2001:3001 ack 1']);
    script.inject('. 1:1 ack 3001 win 60000');
    expect(script.sent()[0]).toBe('. 3001:4001 ack 1');
  });

  test('finds a loss if the first acknowledgement is a duplicate (step 2a)', () => {
    const script = timedOut();
    script.inject('. 1:1 ack 1 win 60000');
    expect(script.sent()).toEqual(['. 1001:2001 ack 1']);
    script.inject('. 1:1 ack 2001 win 60000');
    expect(script.sent()[0]).toBe('. 2001:3001 ack 1');
  });

  test('learns nothing when everything is acknowledged at once (step 2a)', () => {
    const script = timedOut();
    script.inject('. 1:1 ack 10001 win 60000');
    // The window is that after a loss: 0.7 of ten segments.
    expect(script.sent().length).toBe(7);
  });

  test('learns nothing when only a part of the first segment is acknowledged (step 2a)', () => {
    const script = timedOut();
    script.inject('. 1:1 ack 501 win 60000');
    expect(script.sent().every((text) => /^\. (?:501|1001):/.test(text))).toBe(true);
  });

  test('sends lost data when there is no new data (step 2b)', () => {
    const script = Script.connected({}, 60_000);
    script.send(10_000);
    script.sent();
    script.advance(220);
    expect(script.sent()).toEqual(['. 1:1001 ack 1']);
    script.inject('. 1:1 ack 1001 win 60000');
    expect(script.sent()).toEqual(['. 1001:2001 ack 1', '. 2001:3001 ack 1']);
    // The next acknowledgement may be the answer to data that was sent again.
    script.inject('. 1:1 ack 2001 win 60000');
    expect(script.sent()[0]).toBe('. 3001:4001 ack 1');
  });

  test('sends lost data when the other side takes no new data (step 2b)', () => {
    const script = timedOut();
    script.inject('. 1:1 ack 1001 win 9000');
    expect(script.sent()[0]).toBe('. 1001:2001 ack 1');
  });

  test('ends when the timer fires again, because that shows a loss (step 1)', () => {
    const script = timedOut();
    script.inject('. 1:1 ack 1001 win 60000');
    expect(script.sent().length).toBe(2);
    script.advance(250);
    expect(script.sent()).toEqual(['. 1001:2001 ack 1']);
    script.inject('. 1:1 ack 2001 win 60000');
    expect(script.sent()[0]).toBe('. 2001:3001 ack 1');
    script.inject('. 1:1 ack 3001 win 60000');
    expect(script.sent()[0]).toBe('. 4001:5001 ack 1');
  });

  test('does not begin during a recovery (as in Linux)', () => {
    const script = Script.connected({}, 60_000);
    script.send(30_000);
    script.sent();
    for (let i = 0; i < 3; i++) script.inject('. 1:1 ack 1 win 60000');
    expect(script.sent()).toContain('. 1:1001 ack 1');
    script.advance(220);
    expect(script.sent()[0]).toBe('. 1:1001 ack 1');
    script.inject('. 1:1 ack 1001 win 60000');
    expect(script.sent()[0]).toBe('. 1001:2001 ack 1');
  });
});

describe('F-RTO with SACK (RFC 5682 3.1)', () => {
  test('undoes a timeout when data from before the timeout is acknowledged; RACK finds no loss', () => {
    const script = timedOutWithSack();
    script.inject('. 1:1 ack 1001 win 60000');
    expect(script.sent()).toEqual(['. 11001:12001 ack 1', '. 12001:13001 ack 1']);
    script.advance(5);
    script.inject('. 1:1 ack 2001 win 60000');
    expect(script.sent()).toEqual(['. 13001:14001 ack 1']);
    for (let end = 3001; end <= 11_001; end += 1000) {
      script.advance(1);
      script.inject(`. 1:1 ack ${end} win 60000`);
      expect(script.sent().every(isNewData)).toBe(true);
    }
    // The other side reports the data that came twice (RFC 2883).
    script.inject('. 1:1 ack 11001 win 60000 <sack 1:1001>');
    script.advance(10);
    expect(script.sent()).toEqual([]);
  });

  test('undoes a timeout when SACK reports data from before the timeout; sends only the gap again', () => {
    const script = timedOutWithSack();
    script.inject('. 1:1 ack 1001 win 60000');
    expect(script.sent().length).toBe(2);
    script.advance(1);
    script.inject('. 1:1 ack 1001 win 60000 <sack 2001:3001>');
    expect(script.sent().every(isNewData)).toBe(true);
    script.inject('. 1:1 ack 1001 win 60000 <sack 2001:6001>');
    expect(script.sent()[0]).toBe('. 1001:2001 ack 1');
    script.advance(20);
    script.inject('. 1:1 ack 1001 win 60000 <sack 2001:13001>');
    expect(script.sent().every(isNewData)).toBe(true);
  });

  test('finds a loss if SACK reports the new data alone (step 3a)', () => {
    const script = timedOutWithSack();
    script.inject('. 1:1 ack 1001 win 60000');
    expect(script.sent().length).toBe(2);
    script.inject('. 1:1 ack 1001 win 60000 <sack 11001:12001>');
    expect(script.sent()).toEqual(['. 1001:2001 ack 1', '. 2001:3001 ack 1']);
  });

  test('waits for the acknowledgement of the first segment during duplicates (step 2)', () => {
    const script = timedOutWithSack();
    script.inject('. 1:1 ack 1 win 60000 <sack 1001:2001>');
    script.inject('. 1:1 ack 1 win 60000 <sack 1001:3001>');
    expect(script.sent()).toEqual([]);
    script.inject('. 1:1 ack 3001 win 60000');
    expect(script.sent()).toEqual(['. 11001:12001 ack 1', '. 12001:13001 ack 1']);
    script.inject('. 1:1 ack 4001 win 60000');
    expect(script.sent().every(isNewData)).toBe(true);
  });

  test('ignores a segment that is no duplicate and acknowledges nothing (step 3)', () => {
    const script = timedOutWithSack();
    script.inject('. 1:1 ack 1001 win 60000');
    expect(script.sent().length).toBe(2);
    script.inject('. 1:101 ack 1001 win 60000');
    expect(script.sent()).toEqual(['. 13001:13001 ack 101']);
    script.inject('. 101:101 ack 2001 win 60000');
    expect(script.sent()).toEqual(['. 13001:14001 ack 101']);
  });
});

describe('Eifel (RFC 3522)', () => {
  test('undoes a timeout when the original is acknowledged, and RACK finds no loss', () => {
    const script = Script.connected({ syn: '<mss 1012,sackOK,ts 100 0>' }, 60_000);
    script.send(30_000);
    const sentAt = script.now;
    expect(script.sent().length).toBe(10);
    script.advance(42);
    expect(script.sent().length).toBe(1);
    script.advance(220);
    expect(script.sent()).toEqual(['. 1:1001 ack 1']);
    script.advance(60);
    for (let end = 1001; end <= 10_001; end += 1000) {
      script.advance(1);
      script.inject(`. 1:1 ack ${end} win 60000 <ts 400 ${sentAt}>`);
      expect(script.sent().every((text) => Number(/\d+/.exec(text)) > 11_000)).toBe(true);
    }
  });
});
