import { describe, expect, test } from 'vitest';
import { Script, streamBytes } from './script.ts';

const SACK = '<mss 1000,sackOK>';

describe('a connection that receives', () => {
  test('acknowledges every second segment at once, and a single one after a short time', () => {
    const script = Script.connected();
    settle(script);
    script.inject('. 1:1001 ack 1');
    expect(script.sent()).toEqual([]);
    script.advance(39);
    expect(script.sent()).toEqual([]);
    script.advance(1);
    expect(script.sent()).toEqual(['. 1:1 ack 1001']);
    script.inject('. 1001:2001 ack 1');
    script.inject('. 2001:3001 ack 1');
    expect(script.sent()).toEqual(['. 1:1 ack 3001']);
  });

  test('acknowledges with data if there is some', () => {
    const script = Script.connected();
    settle(script);
    script.inject('. 1:101 ack 1');
    script.send(10);
    expect(script.sent()).toEqual(['P 1:11 ack 101']);
    script.advance(100);
    expect(script.sent()).toEqual([]);
  });

  test('puts segments in order, and reports those after a gap (RFC 2018)', () => {
    const script = Script.connected({ syn: SACK });
    script.inject('. 1001:2001 ack 1');
    expect(script.sentWhole()[0]).toMatch(/^\. 1:1 ack 1 .*<sack 1001:2001>$/);
    script.inject('. 3001:4001 ack 1');
    expect(script.sentWhole()[0]).toMatch(/<sack 3001:4001 1001:2001>$/);
    script.inject('. 2001:3001 ack 1');
    expect(script.sentWhole()[0]).toMatch(/<sack 1001:4001>$/);
    expect(script.socket.readable).toBe(0);
    script.inject('. 1:1001 ack 1');
    expect(script.sentWhole()[0]).toMatch(/^\. 1:1 ack 4001 win \d+$/);
    expect(script.read(5000)).toEqual(streamBytes(1, 4001));
  });

  test('reports a duplicate (RFC 2883)', () => {
    const script = Script.connected({ syn: SACK });
    script.inject('. 1:1001 ack 1');
    script.sent();
    script.inject('. 1:1001 ack 1');
    expect(script.sentWhole()[0]).toMatch(/^\. 1:1 ack 1001 .*<sack 1:1001>$/);
    script.inject('. 501:1501 ack 1');
    expect(script.sentWhole()[0]).toMatch(/^\. 1:1 ack 1501 .*<sack 501:1001>$/);
    expect(script.read(5000)).toEqual(streamBytes(1, 1501));
  });

  test('takes segments that overlap in any way, each byte once', () => {
    const script = Script.connected();
    for (const range of ['11:21', '5:15', '31:41', '1:8', '15:50', '1:50']) {
      script.inject(`. ${range} ack 1`);
    }
    expect(script.read(100)).toEqual(streamBytes(1, 50));
    expect(script.sent().at(-1)).toBe('. 1:1 ack 50');
  });

  test('cuts off data after the end of its window, and drops segments outside of it', () => {
    const script = Script.connected({ tcp: { receiveBuffer: 4096 } });
    for (let at = 1; at < 4001; at += 1000) script.inject(`. ${at}:${at + 1000} ack 1`);
    script.inject('. 4001:5001 ack 1');
    expect(script.socket.readable).toBe(4096);
    expect(script.sentWhole().at(-1)).toBe('. 1:1 ack 4097 win 0');
    script.inject('. 4097:4098 ack 1');
    expect(script.sentWhole()).toEqual(['. 1:1 ack 4097 win 0']);
    // RFC 9293 3.8.6.2.2: the window opens only if it has grown enough.
    script.read(100);
    expect(script.sent()).toEqual([]);
    script.read(3000);
    expect(script.sentWhole()).toEqual(['. 1:1 ack 4097 win 3100']);
  });

  test('keeps a FIN that comes before data', () => {
    const script = Script.connected();
    script.inject('F 101:201 ack 1');
    expect([script.socket.state, script.socket.isEnded]).toEqual(['established', false]);
    script.inject('. 1:101 ack 1');
    expect(script.socket.state).toBe('close-wait');
    expect(script.sent().at(-1)).toBe('. 1:1 ack 202');
    expect([script.read(500), script.socket.isEnded]).toEqual([streamBytes(1, 201), true]);
  });

  test('lets the window grow while the program reads fast', () => {
    const script = Script.connected({ syn: '<mss 1000,wscale 7>' });
    let position = 1;
    let last = '';
    for (let round = 0; round < 12; round++) {
      script.advance(20);
      for (let i = 0; i < 100; i++, position += 1000) {
        script.inject(`. ${position}:${position + 1000} ack 1`);
        script.read(2000);
        last = script.sentWhole().at(-1) ?? last;
      }
    }
    const window = Number(/win (\d+)/.exec(last)![1]) * 128;
    expect(window).toBeGreaterThan(180_000);
    expect(window).toBeLessThan(6 * 2 ** 20);
  });

  test('drops a segment with an old timestamp (RFC 7323 5)', () => {
    const script = Script.connected({ syn: '<mss 1000,ts 100 0>' });
    script.inject('. 1:11 ack 1 <ts 200 0>');
    expect(script.sentWhole()[0]).toMatch(/<ts \d+ 200>$/);
    script.inject('. 11:21 ack 1 <ts 150 0>');
    expect(script.socket.readable).toBe(10);
    expect(script.sent()).toEqual(['. 1:1 ack 11']);
    // The clock of the other side wraps.
    script.inject('. 11:21 ack 1 <ts -2147483500 0>');
    expect(script.socket.readable).toBe(20);
    script.inject('. 21:31 ack 1 <ts 201 0>');
    expect(script.socket.readable).toBe(20);
    script.advance(25 * 86_400_000);
    script.inject('. 21:31 ack 1 <ts 201 0>');
    expect(script.socket.readable).toBe(30);
  });

  test('takes timestamps that wrap, and drops segments with timestamps from before the wrap (RFC 7323 5.4)', () => {
    const script = Script.connected({ syn: '<mss 1000,ts 4294967000 0>' });
    script.sent();
    let received = 1;
    // The handshake of the script has the timestamp 100: the clock has wrapped already.
    for (const stamp of [200, 2 ** 31 - 10, 2 ** 31 + 10, 2 ** 32 - 5, 5, 300]) {
      script.inject(`. ${received}:${received + 10} ack 1 <ts ${stamp} 0>`);
      received += 10;
      expect(script.sent()).toEqual([`. 1:1 ack ${received}`]);
    }
    script.inject(`. ${received}:${received + 10} ack 1 <ts ${2 ** 32 - 4} 0>`);
    expect(script.sent()).toEqual([`. 1:1 ack ${received}`]);
    expect(script.read(200).length).toBe(60);
  });

  test('echoes the timestamp of the segment that it acknowledges (RFC 7323 4.3)', () => {
    const script = Script.connected({ syn: '<mss 1000,ts 100 0>' });
    settle(script);
    script.inject('. 17:27 ack 1 <ts 300 0>');
    // The segment is after a gap, so the echo does not change.
    expect(script.sentWhole()[0]).toMatch(/<ts \d+ 100>$/);
  });
});

describe('a connection under blind attacks (RFC 5961)', () => {
  test('accepts only a RST with the exact sequence number', () => {
    const script = Script.connected();
    script.inject('R 500:500');
    expect([script.socket.state, script.sent()]).toEqual(['established', ['. 1:1 ack 1']]);
    script.inject('R 900000:900000');
    script.inject('R 0:0');
    expect([script.socket.state, script.sent()]).toEqual(['established', []]);
    script.inject('R 1:1');
    expect(script.socket.state).toBe('closed');
  });

  test('is not changed by a SYN', () => {
    const script = Script.connected();
    script.inject('S 1:1');
    script.inject('S 700:700');
    expect([script.socket.state, script.sent()]).toEqual(['established', ['. 1:1 ack 1']]);
  });

  test('drops data with an acknowledgement that is too old, or for data that was never sent', () => {
    const script = Script.connected();
    script.inject('. 1:11 ack 2');
    script.advance(1000);
    script.inject('. 1:11 ack -20000');
    expect(script.socket.readable).toBe(0);
    expect(script.sent()).toEqual(['. 1:1 ack 1', '. 1:1 ack 1']);
  });

  test('sends at most one challenge ACK per half second', () => {
    const script = Script.connected();
    for (let i = 0; i < 1000; i++) {
      script.inject('R 500:500');
      script.advance(1);
    }
    expect(script.sent().length).toBe(2);
  });
});

/** Uses up the acknowledgements that are sent without delay at the beginning of a stream. */
function settle(script: Script): void {
  for (let i = 1; i <= 17; i++) {
    script.inject(`. ${i - 17}:${i - 16} ack 1 <ts ${100 + i} 0>`);
    script.sent();
  }
}
