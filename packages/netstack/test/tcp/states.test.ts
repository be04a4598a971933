import { describe, expect, test } from 'vitest';
import { pattern } from '../raw-packets.ts';
import { Script, streamBytes } from './script.ts';

/** Every transition of RFC 9293 figure 5, and what else each state does with a segment. */
describe('the states of a connection', () => {
  test('CLOSED to SYN-SENT to ESTABLISHED: an active open', () => {
    const script = Script.connecting();
    expect(script.socket.state).toBe('syn-sent');
    expect(script.sentWhole()).toEqual(['S 0:0 win 65535 <mss 1380,sackOK,wscale 7,ts 1000 0>']);
    script.inject('S 0:0 ack 1 win 10000 <mss 1000>');
    expect(script.socket.state).toBe('established');
    expect(script.sent()).toEqual(['. 1:1 ack 1']);
    expect([script.stack.pollSocket(), script.socket.isConnected]).toEqual([script.socket, true]);
  });

  test('LISTEN to SYN-RECEIVED to ESTABLISHED: a passive open', () => {
    const script = Script.listening();
    script.inject('S 0:0 win 10000 <mss 1000,sackOK,wscale 3,ts 50 0>');
    expect(script.listener?.accept()).toBeUndefined();
    expect(script.sentWhole()).toEqual([
      'S 0:0 ack 1 win 65535 <mss 1380,sackOK,wscale 7,ts 1000 50>',
    ]);
    script.inject('. 1:1 ack 1 win 1250 <ts 51 1000>');
    script.accept();
    expect([script.socket.state, script.socket.remotePort]).toEqual(['established', 5000]);
  });

  test('SYN-SENT to SYN-RECEIVED to ESTABLISHED: a simultaneous open (figure 7)', () => {
    const script = Script.connecting();
    expect(script.sent()).toEqual(['S 0:0']);
    script.inject('S 0:0 win 10000 <mss 1000>');
    expect(script.socket.state).toBe('syn-received');
    expect(script.sent()).toEqual(['S 0:0 ack 1']);
    script.inject('S 0:0 ack 1 win 10000 <mss 1000>');
    expect(script.socket.state).toBe('established');
    script.send(10);
    expect(script.sent()).toEqual(['P 1:11 ack 1']);
  });

  test('SYN-SENT to CLOSED: the program closes', () => {
    const script = Script.connecting();
    expect(script.sent()).toEqual(['S 0:0']);
    script.socket.close();
    expect(script.socket.state).toBe('closed');
    script.inject('S 0:0 ack 1');
    expect(script.sent()).toEqual(['R 1:1']);
  });

  test('SYN-SENT to CLOSED: the other side refuses', () => {
    const script = Script.connecting();
    expect(script.sent()).toEqual(['S 0:0']);
    // RFC 9293 3.10.7.3: a RST counts only if it acknowledges the SYN.
    script.inject('R 0:0');
    script.inject('R 0:0 ack 7');
    expect(script.socket.state).toBe('syn-sent');
    script.inject('R 0:0 ack 1');
    expect([script.socket.state, script.socket.error?.code]).toEqual(['closed', 'ECONNREFUSED']);
    expect(script.sent()).toEqual([]);
  });

  test('SYN-SENT: an ACK of anything but the SYN is answered with a RST (figure 9)', () => {
    const script = Script.connecting();
    expect(script.sent()).toEqual(['S 0:0']);
    script.inject('. 0:0 ack 700');
    expect(script.sent()).toEqual(['R 700:700']);
    expect(script.socket.state).toBe('syn-sent');
  });

  test('SYN-RECEIVED to LISTEN: a RST', () => {
    const script = Script.listening({ backlog: 1 });
    script.inject('S 0:0');
    expect(script.sent()).toEqual(['S 0:0 ack 1']);
    script.inject('R 1:1');
    script.inject('. 1:1 ack 1');
    expect(script.sent()).toEqual(['R 1:1']);
    // The backlog has space again.
    script.inject('S 0:0');
    expect(script.sent()).toEqual(['S 0:0 ack 1']);
  });

  test('SYN-RECEIVED: a repeated SYN is answered again, and a wrong ACK with a RST', () => {
    const script = Script.listening();
    script.inject('S 0:0');
    expect(script.sent()).toEqual(['S 0:0 ack 1']);
    script.inject('S 0:0');
    expect(script.sent()).toEqual(['S 0:0 ack 1']);
    script.inject('. 1:1 ack 5');
    expect(script.sent()).toEqual(['R 5:5']);
    script.inject('. 1:1 ack 1');
    script.accept();
    expect(script.socket.state).toBe('established');
  });

  test('SYN-RECEIVED to CLOSE-WAIT: data and a FIN with the ACK', () => {
    const script = Script.listening();
    script.inject('S 0:0');
    expect(script.sent()).toEqual(['S 0:0 ack 1']);
    script.inject('FP 1:11 ack 1');
    script.accept();
    expect(script.socket.state).toBe('close-wait');
    expect(script.sent()).toEqual(['. 1:1 ack 12']);
    expect(script.read(10)).toEqual(streamBytes(1, 11));
    expect(script.socket.isEnded).toBe(true);
  });

  test('SYN-RECEIVED to FIN-WAIT-1: closed before it is established', () => {
    const script = Script.connecting();
    expect(script.sent()).toEqual(['S 0:0']);
    script.inject('S 0:0 <mss 1000>');
    expect(script.sent()).toEqual(['S 0:0 ack 1']);
    script.send(10);
    script.socket.shutdown();
    expect(script.sent()).toEqual([]);
    script.inject('. 1:1 ack 1');
    expect(script.socket.state).toBe('fin-wait-1');
    expect(script.sent()).toEqual(['FP 1:11 ack 1']);
  });

  test('ESTABLISHED to FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT and CLOSED', () => {
    const script = Script.connected();
    script.socket.shutdown();
    expect(script.socket.state).toBe('fin-wait-1');
    expect(script.sent()).toEqual(['F 1:1 ack 1']);
    script.inject('. 1:1 ack 2');
    expect(script.socket.state).toBe('fin-wait-2');
    // Half-closed: data still comes.
    script.inject('. 1:101 ack 2');
    expect(script.sent()).toEqual(['. 2:2 ack 101']);
    expect(script.read(100)).toEqual(streamBytes(1, 101));
    script.inject('F 101:101 ack 2');
    expect(script.socket.state).toBe('time-wait');
    expect(script.sent()).toEqual(['. 2:2 ack 102']);
    script.advance(59_999);
    expect(script.socket.state).toBe('time-wait');
    script.advance(1);
    expect([script.socket.state, script.socket.error]).toEqual(['closed', undefined]);
  });

  test('FIN-WAIT-1 to CLOSING to TIME-WAIT: both close at once (figure 13)', () => {
    const script = Script.connected();
    script.socket.shutdown();
    expect(script.sent()).toEqual(['F 1:1 ack 1']);
    script.inject('F 1:1 ack 1');
    expect(script.socket.state).toBe('closing');
    expect(script.sent()).toEqual(['. 2:2 ack 2']);
    script.inject('. 2:2 ack 2');
    expect(script.socket.state).toBe('time-wait');
  });

  test('FIN-WAIT-1 to TIME-WAIT: the FIN of the other side acknowledges ours', () => {
    const script = Script.connected();
    script.socket.shutdown();
    expect(script.sent()).toEqual(['F 1:1 ack 1']);
    script.inject('F 1:1 ack 2');
    expect(script.socket.state).toBe('time-wait');
    expect(script.sent()).toEqual(['. 2:2 ack 2']);
  });

  test('ESTABLISHED to CLOSE-WAIT to LAST-ACK to CLOSED', () => {
    const script = Script.connected();
    script.inject('F 1:1 ack 1');
    expect(script.socket.state).toBe('close-wait');
    expect(script.sent()).toEqual(['. 1:1 ack 2']);
    script.send(20);
    expect(script.sent()).toEqual(['P 1:21 ack 2']);
    script.socket.shutdown();
    expect(script.socket.state).toBe('last-ack');
    expect(script.sent()).toEqual(['F 21:21 ack 2']);
    script.inject('. 2:2 ack 21');
    expect(script.socket.state).toBe('last-ack');
    script.inject('. 2:2 ack 22');
    expect([script.socket.state, script.socket.error]).toEqual(['closed', undefined]);
  });

  test('TIME-WAIT: a repeated FIN is acknowledged again, and starts the time again', () => {
    const script = Script.connected();
    script.socket.shutdown();
    expect(script.sent()).toEqual(['F 1:1 ack 1']);
    script.inject('F 1:1 ack 2');
    expect(script.sent()).toEqual(['. 2:2 ack 2']);
    script.advance(50_000);
    script.inject('F 1:1 ack 2');
    expect(script.sent()).toEqual(['. 2:2 ack 2']);
    script.advance(50_000);
    expect(script.socket.state).toBe('time-wait');
    script.advance(10_000);
    expect(script.socket.state).toBe('closed');
  });

  test('TIME-WAIT: a SYN with a later sequence number begins a new connection', () => {
    const script = Script.connected();
    script.socket.shutdown();
    expect(script.sent()).toEqual(['F 1:1 ack 1']);
    script.inject('F 1:1 ack 2');
    expect(script.sent()).toEqual(['. 2:2 ack 2']);
    script.inject('S 1:1');
    expect(script.sent()).toEqual(['. 2:2 ack 2']);
    script.inject('S 5000:5000');
    expect(script.sent()).toEqual(['S 0:0 ack 5001']);
    expect(script.socket.state).toBe('closed');
  });

  describe('TIME-WAIT with timestamps', () => {
    test('a SYN with a later timestamp begins a connection, from any sequence number (RFC 6191 2)', () => {
      const script = inTimeWait();
      script.inject('S -900000:-900000 <ts 201 0>');
      expect(script.sent()).toEqual(['S 0:0 ack -899999']);
    });

    test('a SYN with the same timestamp begins a connection if its sequence number is later', () => {
      const script = inTimeWait();
      script.inject('S 1:1 <ts 200 0>');
      expect(script.socket.state).toBe('time-wait');
      script.sent();
      script.inject('S 5000:5000 <ts 200 0>');
      expect(script.sent()).toEqual(['S 0:0 ack 5001']);
    });

    test('a SYN with an earlier timestamp begins no connection', () => {
      const script = inTimeWait();
      script.inject('S 5000:5000 <ts 199 0>');
      expect(script.sent()).toEqual(['. 2:2 ack 2']);
      expect(script.socket.state).toBe('time-wait');
    });

    test('the answer to a SYN has a sequence number after all used ones (RFC 9293 3.6.1)', () => {
      const script = inTimeWait(1_000_000);
      const before = script.ourStart;
      script.inject('S 5000:5000 <ts 201 0>');
      expect(script.sent()).toEqual(['S 0:0 ack 5001']);
      expect((script.ourStart - before) | 0).toBe(1_000_002 + 0x10001);
    });

    test('a SYN with a later timestamp is dropped while the backlog is full', () => {
      const script = inTimeWait();
      script.theirPort = 6000;
      for (let i = 0; i < 10; i++) {
        script.theirPort++;
        script.inject('S 0:0 <mss 1000>');
        script.sent();
        script.inject('. 1:1 ack 1');
      }
      script.theirPort = 5000;
      script.inject('S 5000:5000 <ts 201 0>');
      expect(script.sent()).toEqual([]);
      expect([script.socket.state, script.stack.drops.of('full-backlog')]).toEqual([
        'time-wait',
        1,
      ]);
      script.listener?.accept();
      script.inject('S 5000:5000 <ts 201 0>');
      expect(script.sent()).toEqual(['S 0:0 ack 5001']);
    });
  });

  test.each<[state: string, bring: (script: Script) => void, code: string | undefined]>([
    ['established', () => {}, 'ECONNRESET'],
    ['fin-wait-1', (script) => script.socket.shutdown(), 'ECONNRESET'],
    ['fin-wait-2', endOurs, 'ECONNRESET'],
    ['close-wait', (script) => script.inject('F 1:1 ack 1'), 'ECONNRESET'],
    [
      'time-wait',
      (script) => {
        endOurs(script);
        script.inject('F 1:1 ack 2');
      },
      // RFC 9293 3.10.7.4: both sides have ended.
      undefined,
    ],
  ])('a RST ends %s', (state, bring, code) => {
    const script = Script.connected();
    bring(script);
    script.sent();
    expect(script.socket.state).toBe(state);
    // A RST counts only with the exact sequence number (RFC 5961 3.2).
    const next = script.socket.isEnded ? 2 : 1;
    script.inject(`R ${next + 1}:${next + 1}`);
    expect(script.socket.state).toBe(state);
    script.inject(`R ${next}:${next}`);
    expect([script.socket.state, script.socket.error?.code]).toEqual(['closed', code]);
    script.sent();
    expect(script.stack.pollTimeout()).toBe(Infinity);
  });

  test.each(['last-ack', 'closing'])('a RST in %s is an error only if data is lost', (state) => {
    for (const [bytes, code] of [
      [0, undefined],
      [10, 'ECONNRESET'],
    ] as const) {
      const script = Script.connected();
      if (state === 'last-ack') script.inject('F 1:1 ack 1');
      script.send(bytes);
      script.socket.shutdown();
      script.sent();
      if (state === 'closing') script.inject('F 1:1 ack 1');
      expect(script.socket.state).toBe(state);
      script.inject('R 2:2');
      expect([script.socket.state, script.socket.error?.code]).toEqual(['closed', code]);
    }
  });

  test('a RST is sent if the program closes with unread bytes, or if data comes after it closed', () => {
    const script = Script.connected();
    script.inject('. 1:101 ack 1');
    expect(script.sent()).toEqual(['. 1:1 ack 101']);
    script.socket.close();
    expect(script.sent()).toEqual(['R 1:1 ack 101']);
    expect(script.socket.state).toBe('closed');

    const other = Script.connected();
    other.socket.close();
    expect(other.sent()).toEqual(['F 1:1 ack 1']);
    other.inject('. 1:101 ack 2');
    expect(other.sent()).toEqual(['R 2:2 ack 1']);
  });

  test('a closed socket does not wait in FIN-WAIT-2 forever', () => {
    const script = Script.connected();
    script.socket.close();
    expect(script.sent()).toEqual(['F 1:1 ack 1']);
    script.inject('. 1:1 ack 2');
    script.advance(60_000);
    expect(script.socket.state).toBe('closed');
  });

  test('no connection: everything but a RST is answered with a RST', () => {
    const script = Script.listening();
    script.listener?.close();
    script.inject('S 0:0');
    expect(script.sent()).toEqual(['R 0:0 ack 1']);
    script.inject('P 0:10 ack 7');
    expect(script.sent()).toEqual(['R 7:7']);
    script.inject('F 0:10');
    expect(script.sent()).toEqual(['R 0:0 ack 11']);
    script.inject('R 0:0 ack 5');
    expect(script.sent()).toEqual([]);
  });

  test('a SYN is not answered while connections that wait to be accepted fill the backlog', () => {
    const script = Script.listening({ backlog: 1 });
    script.inject('S 0:0');
    expect(script.sent()).toEqual(['S 0:0 ack 1']);
    script.inject('. 1:1 ack 1');
    script.theirPort = 5001;
    script.inject('S 0:0');
    expect(script.sent()).toEqual([]);
    expect([script.listener?.waiting, script.stack.drops.of('full-backlog')]).toEqual([1, 1]);
    script.theirPort = 5000;
    script.listener?.close();
    expect(script.sent()).toEqual(['R 1:1 ack 1']);
    expect(script.listener?.accept()).toBeUndefined();
  });

  test('the program cannot send after it has ended its stream', () => {
    const script = Script.connected();
    script.socket.shutdown();
    expect(() => script.socket.send(pattern(1))).toThrow(/EPIPE/);
    expect(script.socket.writable).toBe(0);
  });
});

/** Brings a connection to FIN-WAIT-2: our side has ended, and the other side knows. */
function endOurs(script: Script): void {
  script.socket.shutdown();
  expect(script.sent()).toEqual(['F 1:1 ack 1']);
  script.inject('. 1:1 ack 2');
}

/** Returns a script with a connection in TIME-WAIT. The stack has sent this many bytes over it. */
function inTimeWait(bytes = 0): Script {
  const script = Script.connected({ syn: '<mss 1000,ts 100 0>' }, 65_535);
  let end = 1;
  for (let left = bytes; left > 0 || end <= bytes;) {
    if (left > 0) left -= script.send(left);
    script.sent();
    end = script.sentEnd;
    script.inject(`. 1:1 ack ${end} win 65535 <ts 100 1000>`);
  }
  script.socket.shutdown();
  script.sent();
  script.inject(`F 1:1 ack ${end + 1} <ts 200 1000>`);
  script.sent();
  expect(script.socket.state).toBe('time-wait');
  return script;
}
