import { describe, expect, test } from 'vitest';
import { rawIcmp } from '../raw-packets.ts';
import { Script } from './script.ts';

const SACK = '<mss 1000,sackOK>';

describe('a connection that sends', () => {
  test('begins with ten segments, and doubles with each round trip (RFC 6928, RFC 5681)', () => {
    const script = Script.connected({}, 60_000);
    script.send(100_000);
    expect(script.sent().length).toBe(10);
    script.inject('. 1:1 ack 10001 win 60000');
    expect(script.sent().length).toBe(20);
  });

  test('never sends more than the window of the other side', () => {
    const script = Script.connected({}, 2500);
    script.send(10_000);
    expect(script.sent()).toEqual(['. 1:1001 ack 1', '. 1001:2001 ack 1']);
    script.inject('. 1:1 ack 2001 win 3000');
    expect(script.sent()).toEqual(['. 2001:3001 ack 1', '. 3001:4001 ack 1', '. 4001:5001 ack 1']);
  });

  test('holds a small segment back while another one is on the way (Nagle)', () => {
    const script = Script.connected();
    script.send(10);
    expect(script.sent()).toEqual(['P 1:11 ack 1']);
    script.send(10);
    script.send(10);
    expect(script.sent()).toEqual([]);
    script.inject('. 1:1 ack 11');
    expect(script.sent()).toEqual(['P 11:31 ack 1']);
    script.send(10);
    script.socket.noDelay = true;
    expect(script.sent()).toEqual(['P 31:41 ack 1']);
  });

  test('resends after a timeout that doubles (RFC 6298), and gives up at last', () => {
    const script = Script.connected();
    script.send(10);
    const times: number[] = [];
    expect(script.sent()).toEqual(['P 1:11 ack 1']);
    for (let i = 0; i < 4; i++) {
      const before = script.now;
      script.advance(script.stack.pollTimeout() - script.now);
      expect(script.sent()).toEqual(['. 1:11 ack 1']);
      times.push(Math.round(script.now - before));
    }
    expect(times).toEqual([220, 440, 880, 1760]);
    script.advance(2_000_000);
    expect(script.sent().at(-1)).toBe('R 11:11 ack 1');
    expect([script.socket.state, script.socket.error?.code]).toEqual(['closed', 'ETIMEDOUT']);
    expect(script.stack.pollTimeout()).toBe(Infinity);
  });

  test('gives up a SYN after more than three minutes', () => {
    const script = Script.connecting();
    script.advance(180_000);
    expect(script.socket.state).toBe('syn-sent');
    script.advance(100_000);
    expect([script.socket.state, script.socket.error?.code]).toEqual(['closed', 'ETIMEDOUT']);
    expect(script.sent()).toEqual(Array.from({ length: 8 }, () => 'S 0:0'));
  });

  test('resends at the third duplicate acknowledgement without SACK (RFC 6582)', () => {
    const script = Script.connected();
    script.send(8000);
    script.sent();
    script.inject('. 1:1 ack 1001');
    script.sent();
    for (let i = 0; i < 2; i++) script.inject('. 1:1 ack 1001');
    expect(script.sent()).toEqual([]);
    script.inject('. 1:1 ack 1001');
    expect(script.sent()).toEqual(['. 1001:2001 ack 1']);
    // A partial acknowledgement: the next missing segment is sent.
    script.inject('. 1:1 ack 3001');
    expect(script.sent()).toEqual(['. 3001:4001 ack 1']);
    script.inject('. 1:1 ack 8001');
    expect(script.sent()).toEqual([]);
    expect(script.socket.unacknowledged).toBe(0);
  });

  test('resends only what is missing, if it uses SACK (RFC 6675, RFC 8985)', () => {
    const script = Script.connected({ syn: SACK });
    script.send(8000);
    script.sent();
    script.advance(20);
    script.inject('. 1:1 ack 1 <sack 1001:2001>');
    script.inject('. 1:1 ack 1 <sack 1001:2001 3001:4001>');
    expect(script.sent()).toEqual([]);
    script.inject('. 1:1 ack 1 <sack 1001:2001 3001:5001>');
    expect(script.sent()).toEqual(['. 1:1001 ack 1']);
    script.inject('. 1:1 ack 1 <sack 1001:2001 3001:7001>');
    expect(script.sent()).toEqual(['. 2001:3001 ack 1']);
    script.advance(20);
    script.inject('. 1:1 ack 8001');
    expect([script.sent(), script.socket.unacknowledged]).toEqual([[], 0]);
  });

  test('reduces the window without counting data that was sent in addition to it (RFC 5681 3.2)', () => {
    const script = Script.connected({ syn: SACK, tcp: { congestionControl: 'new-reno' } }, 60_000);
    script.send(100_000);
    expect(script.sent().length).toBe(10);
    script.advance(20);
    for (const end of [2001, 3001]) {
      script.inject(`. 1:1 ack 1 win 60000 <sack 1001:${end}>`);
      expect(script.sent().length).toBe(1);
    }
    script.inject('. 1:1 ack 1 win 60000 <sack 1001:4001>');
    expect(script.sent()[0]).toBe('. 1:1001 ack 1');
    script.advance(20);
    script.inject('. 1:1 ack 12001 win 60000');
    expect(script.sent().length).toBe(5);
  });

  test('waits for reordered segments after it has seen some (RFC 8985 6.2)', () => {
    const script = Script.connected({ syn: SACK });
    script.send(8000);
    script.sent();
    script.advance(39);
    // The first segment comes after the second one: it is late, not lost.
    script.inject('. 1:1 ack 1 <sack 1001:2001>');
    script.inject('. 1:1 ack 2001');
    script.inject('. 1:1 ack 2001 <sack 3001:8001>');
    expect(script.sent()).toEqual([]);
    script.advance(4);
    expect(script.sent()).toEqual([]);
    script.advance(2);
    expect(script.sent()).toEqual(['. 2001:3001 ack 1']);
  });

  test('probes the tail before the timeout (RFC 8985 7)', () => {
    const script = Script.connected({ syn: SACK });
    script.send(1000);
    script.sent();
    script.advance(50);
    script.inject('. 1:1 ack 1001');
    script.send(3000);
    expect(script.sent().length).toBe(3);
    // Two round trips of 23.75 ms, and 2 ms for the clock.
    script.advance(49);
    expect(script.sent()).toEqual([]);
    script.advance(1);
    expect(script.sent()).toEqual(['. 3001:4001 ack 1']);
    // The answer to the probe shows that the other segments are lost.
    script.advance(50);
    script.inject('. 1:1 ack 1001 <sack 3001:4001>');
    expect(script.sent()[0]).toBe('. 1001:2001 ack 1');
  });

  test('probes a closed window for as long as the other side answers (RFC 9293 3.8.6.1)', () => {
    const script = Script.connected({}, 1000);
    script.send(3000);
    expect(script.sent()).toEqual(['. 1:1001 ack 1']);
    script.inject('. 1:1 ack 1001 win 0');
    expect(script.sent()).toEqual([]);
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      const before = script.now;
      script.advance(script.stack.pollTimeout() - script.now);
      expect(script.sent()).toEqual(['. 1000:1000 ack 1']);
      times.push(script.now - before);
      script.inject('. 1:1 ack 1001 win 0');
    }
    expect(times.slice(0, 3).map(Math.round)).toEqual([218, 435, 870]);
    expect(script.socket.state).toBe('established');
    script.inject('. 1:1 ack 1001 win 5000');
    expect(script.sent()).toEqual(['. 1001:2001 ack 1', 'P 2001:3001 ack 1']);
  });

  test('gives up when probes of the window are not answered', () => {
    const script = Script.connected({}, 1000);
    script.send(3000);
    script.inject('. 1:1 ack 1001 win 0');
    script.sent();
    script.advance(2_000_000);
    expect(script.socket.error?.code).toBe('ETIMEDOUT');
  });

  test('does not fill a small window at once (RFC 9293 3.8.6.2.1)', () => {
    const script = Script.connected({}, 1000);
    script.send(3000);
    script.sent();
    script.inject('. 1:1 ack 1001 win 100');
    expect(script.sent()).toEqual([]);
    script.advance(200);
    expect(script.sent()).toEqual(['. 1001:1101 ack 1']);
  });

  test('sends a FIN again until it is acknowledged', () => {
    const script = Script.connected();
    script.send(10);
    script.socket.shutdown();
    expect(script.sent()).toEqual(['FP 1:11 ack 1']);
    script.advance(1000);
    expect(script.sent()[0]).toBe('F 1:11 ack 1');
    script.inject('. 1:1 ack 11');
    script.advance(5000);
    expect(script.sent()[0]).toBe('F 11:11 ack 1');
    script.inject('. 1:1 ack 12');
    expect(script.socket.state).toBe('fin-wait-2');
  });

  test('sends smaller segments after a "too big" message, but only if it has sent the quoted segment', () => {
    const script = Script.connected({ syn: '<mss 1360>' });
    script.send(1360);
    expect(script.sent()).toEqual(['P 1:1361 ack 1']);
    script.give(tooBig(script, 5000, 1200));
    expect(script.sent()).toEqual([]);
    script.give(tooBig(script, 1, 1200));
    expect(script.sent()).toEqual(['. 1:1161 ack 1', '. 1161:1361 ack 1']);
  });

  test('sends no tiny segments after a flood of "too big" messages', () => {
    const script = Script.connected({ syn: '<mss 1360>' }, 60_000);
    script.send(5000);
    script.sent();
    for (let mtu = 1400; mtu >= 0; mtu--) script.give(tooBig(script, 1, mtu));
    const [first] = script.sent();
    // 552 is the smallest MTU, as in Linux.
    expect(first).toBe('. 1:513 ack 1');
    // The data was sent again, and more messages change nothing.
    for (let i = 0; i < 1000; i++) script.give(tooBig(script, 1, 60));
    expect(script.sent()).toEqual([]);
  });

  test('sends longer segments again when the MTU of the path may have grown (RFC 8201 4)', () => {
    const script = Script.connected({ syn: '<mss 1380>' }, 60_000);
    script.stack.mtu = 1300;
    script.send(1260);
    expect(script.sent()).toEqual(['P 1:1261 ack 1']);
    script.inject('. 1:1 ack 1261 win 60000');
    // Segments are never longer than the link takes, even if the other side takes longer ones.
    script.send(3000);
    const [first] = script.sent();
    expect(first).toBe('. 1261:2521 ack 1');
    script.inject('. 1:1 ack 4261 win 60000');
    script.stack.mtu = 1420;
    script.send(1380);
    expect(script.sent()).toEqual(['P 4261:5641 ack 1']);
    // A router reports an MTU of 1000. Ten minutes later the connection sends longer segments
    // again.
    script.give(tooBig(script, 4261, 1000));
    expect(script.sent()[0]).toBe('. 4261:5221 ack 1');
    script.inject('. 1:1 ack 5641 win 60000');
    for (const [wait, end] of [
      [599_000, 6601],
      [2000, 7981],
    ]) {
      script.advance(wait);
      script.send(end === 6601 ? 960 : 1380);
      expect(script.sent()).toEqual([`P ${end === 6601 ? 5641 : 6601}:${end} ack 1`]);
      script.inject(`. 1:1 ack ${end} win 60000`);
    }
  });

  test('undoes a timeout that was too early (RFC 3522)', () => {
    const script = Script.connected({ syn: '<mss 1400,ts 100 0>' }, 60_000);
    script.send(20_000);
    expect(script.sent().length).toBe(10);
    const sentAt = script.now;
    script.advance(250);
    expect(script.sent()).toEqual(['. 1:1369 ack 1']);
    // The answer to the original segment.
    script.inject(`. 1:1 ack 1369 win 60000 <ts 400 ${sentAt}>`);
    expect(script.sent().every((text) => /^P?\.? ?1[3-9]\d{3}:/.test(text))).toBe(true);
    script.inject(`. 1:1 ack 13681 win 60000 <ts 401 ${sentAt}>`);
    script.send(40_000);
    // Slow start goes on where it was before the timeout.
    expect(script.sent().length).toBeGreaterThan(9);
  });

  test('does not undo a timeout if the answer is for the second transmission', () => {
    const script = Script.connected({ syn: '<mss 1400,ts 100 0>' }, 60_000);
    script.send(20_000);
    script.sent();
    script.advance(250);
    script.sent();
    script.inject(`. 1:1 ack 1369 win 60000 <ts 400 ${script.now}>`);
    expect(script.sent()).toEqual(['. 1369:2737 ack 1', '. 2737:4105 ack 1']);
  });

  test('finds a black hole: after several timeouts it sends smaller segments (RFC 4821)', () => {
    const script = Script.connected({ syn: '<mss 1380>' });
    script.send(5000);
    script.sent();
    script.advance(3100);
    const last = script.sent().at(-1)!;
    expect(last).toBe('. 1:985 ack 1');
  });

  test('marks new data as ECN-capable, and reduces the window once for an echo (RFC 3168)', () => {
    const script = Script.listening({ tcp: { ecn: true } });
    script.inject('SEW 0:0 win 60000 <mss 1000>');
    expect(script.sent()).toEqual(['SE 0:0 ack 1']);
    expect(script.ecn).toBe(0);
    script.inject('. 1:1 ack 1 win 60000');
    script.accept();
    script.send(30_000);
    expect(script.sent().length).toBe(10);
    expect(script.ecn).toBe(2);
    script.inject('E 1:1 ack 5001 win 60000');
    const next = script.sent();
    expect(next[0]).toMatch(/^W/);
    expect(next.length).toBeLessThan(5);
    script.inject('E 1:1 ack 6001 win 60000');
    expect(script.sent().join()).not.toContain('W');
    // A mark on data of the other side is echoed until that side says that it has reduced its
    // window.
    script.inject('. 1:101 ack 6001 win 60000', 3);
    expect(script.sent().at(-1)).toMatch(/^E/);
    script.inject('W 101:201 ack 6001 win 60000');
    expect(script.sent().at(-1)).not.toMatch(/^E/);
  });

  test('probes a silent connection also at times that are fractions of ms', () => {
    // With these numbers, rounding makes `now - heard` less than 10000, but `heard + 10000` equal
    // to `now`.
    const heard = 12_806.587092402655;
    const script = Script.connected({ tcp: { keepAlive: 10_000 } });
    script.advance(heard - script.now);
    script.now = heard;
    script.inject('. 1:11 ack 1');
    script.sent();
    script.advance(10_000);
    expect(script.sent()).toEqual(['. 0:0 ack 11']);
  });

  test('keeps a silent connection alive, and ends a dead one (RFC 9293 3.8.4)', () => {
    const script = Script.connected({ tcp: { keepAlive: 10_000 } });
    script.advance(10_000);
    expect(script.sent()).toEqual(['. 0:0 ack 1']);
    script.inject('. 1:1 ack 1');
    script.advance(9999);
    expect(script.sent()).toEqual([]);
    script.advance(200_000);
    expect(script.socket.error?.code).toBe('ETIMEDOUT');
    expect(script.sent().at(-1)).toBe('R 1:1 ack 1');
  });
});

/** Returns the ICMP message "too big" of a router about the segment with this sequence number. */
function tooBig(script: Script, sequence: number, mtu: number): Uint8Array {
  const header = [0x45, 0, 5, 0x78, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
  const ports = [0, 80, 5000 >>> 8, 5000 & 0xff];
  const start = script.ourStart + sequence;
  const bytes = [24, 16, 8, 0].map((shift) => (start >>> shift) & 0xff);
  return rawIcmp(4, [3, 4, 0, 0, 0, 0, mtu >>> 8, mtu & 0xff, ...header, ...ports, ...bytes]);
}
