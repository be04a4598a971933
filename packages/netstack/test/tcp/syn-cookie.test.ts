import { describe, expect, test } from 'vitest';
import { Script } from './script.ts';

const SYN = '<mss 1400,sackOK,ts 100 0,wscale 3>';

/**
 * Returns a script with a listener whose backlog is full: a handshake has begun and does not end.
 */
function flooded(options: ConstructorParameters<typeof Script>[0] = {}): Script {
  const script = Script.listening({ backlog: 1, ...options });
  script.inject('S 0:0');
  expect(script.sent()).toEqual(['S 0:0 ack 1']);
  script.theirPort = 6000;
  return script;
}

describe('a SYN cookie', () => {
  test('answers a SYN for which the backlog has no space, and begins a connection', () => {
    const script = flooded();
    script.inject('S 0:0 win 5000 <mss 1400>');
    expect(script.sentWhole()).toEqual(['S 0:0 ack 1 win 65535 <mss 1380>']);
    script.advance(100);
    script.inject('P 1:11 ack 1 win 5000');
    script.accept();
    expect([script.socket.state, script.socket.readable]).toEqual(['established', 10]);
    expect(script.sent()).toEqual(['. 1:1 ack 11']);
    script.send(3000);
    // A cookie keeps the segment size as an index into a table of sizes. 1380 bytes is the largest
    // of them that neither the SYN nor the MTU forbids.
    expect(script.sent()).toEqual(['. 1:1381 ack 11', '. 1381:2761 ack 11', 'P 2761:3001 ack 11']);
  });

  test('keeps the options of the SYN in the timestamp', () => {
    const script = flooded({ tcp: { ecn: true } });
    script.inject(`SEW 0:0 win 5000 ${SYN}`);
    const answer = script.next() ?? '';
    expect(answer).toMatch(/^SE 0:0 ack 1 win 65535 <mss 1380,sackOK,wscale 7,ts -?\d+ 100>$/);
    const stamp = Number(/ts (-?\d+)/.exec(answer)?.[1]);
    script.advance(50);
    script.inject(`. 1:1 ack 1 win 1000 <ts 150 ${stamp}>`);
    script.accept();
    script.send(9000);
    // The window of 1000 is scaled by 3: 8000 bytes, five whole segments.
    expect(script.sent().length).toBe(5);
    expect(script.ecn).toBe(2);
    script.inject(`. 101:201 ack 1 win 1000 <ts 160 ${stamp}>`);
    expect(script.next()).toMatch(/sack 101:201/);
  });

  test('is valid for at most two minutes, and only with the right numbers', () => {
    for (const [wait, sequence, acknowledgement, state] of [
      [1000, 1, 1, 'established'],
      [59_000, 1, 1, 'established'],
      [125_000, 1, 1, undefined],
      [1000, 2, 1, undefined],
      [1000, 1, 2, undefined],
    ] as const) {
      const script = flooded();
      script.inject('S 0:0 <mss 1400>');
      script.sent();
      script.advance(wait);
      script.inject(`. ${sequence}:${sequence} ack ${acknowledgement}`);
      expect(script.listener?.accept()?.state).toBe(state);
      const resets = script.sent().filter((text) => text.startsWith('R'));
      expect(resets.length).toBe(state ? 0 : 1);
    }
  });

  test('cannot be guessed while none was sent', () => {
    const script = Script.listening();
    let answers = 0;
    for (let guess = 0; guess < 1000; guess++) {
      script.inject(`. 1:1 ack ${guess}`);
      answers += script.sent().filter((text) => text.startsWith('R')).length;
    }
    expect([answers, script.listener?.waiting]).toEqual([1000, 0]);
  });

  test('is not sent if connections that wait to be accepted fill the backlog', () => {
    const script = Script.listening({ backlog: 1 });
    script.inject('S 0:0');
    script.sent();
    script.inject('. 1:1 ack 1');
    script.theirPort = 6000;
    script.inject('S 0:0');
    expect([script.sent(), script.stack.drops.of('full-backlog')]).toEqual([[], 1]);
  });

  test('is dropped if it comes back while the backlog is full, and accepted when it comes again with the data', () => {
    const script = flooded();
    const starts: number[] = [];
    for (const port of [6000, 7000]) {
      script.theirPort = port;
      script.inject('S 0:0 <mss 1400>');
      script.sent();
      starts.push(script.ourStart);
    }
    script.inject('P 1:11 ack 1');
    script.theirPort = 6000;
    const acknowledgement = (starts[0] + 1 - starts[1]) | 0;
    script.inject(`P 1:11 ack ${acknowledgement}`);
    // Later segments get no RST either.
    script.inject(`F 11:11 ack ${acknowledgement}`);
    expect([script.listener?.waiting, script.stack.drops.of('full-backlog')]).toEqual([1, 2]);
    script.accept();
    expect(script.sent().filter((text) => text.startsWith('R'))).toEqual([]);
    script.inject(`P 1:11 ack ${acknowledgement}`);
    script.accept();
    expect([script.socket.remotePort, script.socket.readable]).toEqual([6000, 10]);
  });

  test('counts against the same limit on waiting connections as a handshake', () => {
    const script = flooded();
    const handshake = script.ourStart;
    script.inject('S 0:0 <mss 1400>');
    script.sent();
    script.inject('. 1:1 ack 1');
    script.theirPort = 5000;
    const acknowledgement = (handshake + 1 - script.ourStart) | 0;
    script.inject(`. 1:1 ack ${acknowledgement}`);
    expect(script.listener?.waiting).toBe(1);
    script.accept();
    // The SYN of the handshake is sent again, and acknowledged again.
    script.advance(1000);
    expect(script.sent()).toEqual(['S 0:0 ack 1']);
    script.inject('. 1:1 ack 1');
    script.accept();
    expect(script.socket.remotePort).toBe(5000);
  });

  test('lets others connect during a flood of SYNs', () => {
    const script = Script.listening({ backlog: 16 });
    for (let i = 0; i < 20_000; i++) {
      script.theirPort = 1 + (i % 60_000);
      script.inject('S 0:0');
      if (i % 100 === 0) script.sent();
    }
    script.sent();
    script.theirPort = 61_000;
    script.inject('S 0:0 <mss 1400>');
    expect(script.sent()).toEqual(['S 0:0 ack 1']);
    script.inject('P 1:11 ack 1');
    script.accept();
    expect(script.read(10).length).toBe(10);
    // The handshakes that do not end are given up.
    script.advance(400_000);
    expect(script.stack.pollTimeout()).toBe(Infinity);
  });
});
