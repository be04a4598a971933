import { seededRandomBytes } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { createStack, OURS, THEIRS } from '../raw-packets.ts';
import { Script } from './script.ts';

/** Returns a connection from port 5555 that the stack has begun and ended. It is in TIME-WAIT. */
function timeWait(options: string, bytes = 0): Script {
  const script = Script.connecting({ tcp: { sendBuffer: 2 ** 22 } }, 5555);
  expect(script.sent()).toEqual(['S 0:0']);
  script.inject(`S 0:0 ack 1 win 65535 <mss 1000${options && `,wscale 14${options}`}>`);
  let acknowledged = 1;
  for (let left = bytes; left > 0 || acknowledged <= bytes;) {
    if (left > 0) left -= script.send(left);
    script.sent();
    acknowledged = script.sentEnd;
    script.inject(`. 1:1 ack ${acknowledged} win 65535 <${options.slice(1)}>`);
  }
  script.socket.shutdown();
  script.sent();
  script.inject(`F 1:1 ack ${acknowledged + 1} win 65535 <${options.slice(1)}>`);
  expect(script.sent()).toHaveLength(1);
  expect(script.socket.state).toBe('time-wait');
  return script;
}

/** Returns the initial sequence number of a connection. */
function startOf({
  now = 1000,
  secret = 1,
  host = THEIRS[4] as string,
  port = 80,
  localPort = 5000,
}): number {
  const stack = createStack({ randomBytes: seededRandomBytes(secret) });
  stack.handleTimeout(now);
  stack.connectTcp(host, port, { localPort });
  const packet = new Uint8Array(1500);
  expect(stack.pollPacket(packet, 0, now)).toBeGreaterThan(40);
  return new DataView(packet.buffer).getInt32(24);
}

describe('openConnection', () => {
  test('uses the addresses and ports of a connection in TIME-WAIT again after a second', () => {
    const script = timeWait(',ts 7 1000');
    const again = (): unknown => script.stack.connectTcp(THEIRS[4], 5000, { localPort: 5555 });
    script.advance(999);
    expect(again).toThrow('10.0.0.1 port 5555 is already connected to that address and port');
    script.advance(1);
    again();
    expect(script.sent()).toEqual(['S 0:0']);
    expect([script.socket.state, script.socket.error]).toEqual(['closed', undefined]);
  });

  test('without timestamps, uses addresses and ports again only after TIME-WAIT, and refuses those of another connection', () => {
    const script = timeWait('');
    script.advance(59_000);
    const again = (): unknown => script.stack.connectTcp(THEIRS[4], 5000, { localPort: 5555 });
    expect(again).toThrow('10.0.0.1 port 5555 is already connected to that address and port');
    script.advance(1000);
    again();
    script.advance(2000);
    expect(again).toThrow('10.0.0.1 port 5555 is already connected to that address and port');
  });

  test('begins after all sequence numbers of the previous connection (RFC 9293 3.6.1)', () => {
    // More bytes than the clock of RFC 6528 counts in a second: it counts 250 in each ms.
    const script = timeWait(',ts 7 1000', 1_000_000);
    const before = script.ourStart;
    script.advance(1000);
    script.stack.connectTcp(THEIRS[4], 5000, { localPort: 5555 });
    expect(script.sent()).toEqual(['S 0:0']);
    // SYN, data and FIN are 1,000,002 numbers.
    expect((script.ourStart - before) | 0).toBe(1_000_002 + 0x10001);
  });

  test('begins at a sequence number made of a clock of 4 µs, the ends and a secret (RFC 6528 3)', () => {
    const first = startOf({});
    expect(startOf({})).toBe(first);
    expect((startOf({ now: 2000 }) - first) | 0).toBe(250_000);
    const others = [{ secret: 2 }, { port: 81 }, { localPort: 5001 }, { host: '10.0.0.3' }];
    const starts = [first, ...others.map(startOf)];
    // Nobody can guess one of these numbers from the others: all of them are far apart.
    const distances = starts.flatMap((a, i) =>
      starts.slice(0, i).map((b) => Math.abs((a - b) | 0)),
    );
    expect(Math.min(...distances)).toBeGreaterThan(2 ** 20);
  });

  test('uses the ports of RFC 6056 3.2, and none that a listener has', () => {
    const stack = createStack();
    for (let port = 1024; port < 65_536; port++) {
      if (port < 1030 || port > 1040) stack.listenTcp({ port });
    }
    const ports = Array.from({ length: 11 }, () => stack.connectTcp(THEIRS[4], 80).localPort);
    expect(ports.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 11 }, (_, i) => 1030 + i));
    expect(() => stack.connectTcp(THEIRS[4], 80)).toThrow(
      'all ports from 1024 to 65535 are in use',
    );
  });

  test('never connects a port of the stack to itself', () => {
    const stack = createStack();
    for (let port = 1024; port < 65_536; port++) if (port !== 2000) stack.listenTcp({ port });
    expect(() => stack.connectTcp(OURS[4], 2000)).toThrow(
      'all ports from 1024 to 65535 are in use',
    );
    expect(stack.connectTcp(THEIRS[4], 2000).localPort).toBe(2000);
  });
});
