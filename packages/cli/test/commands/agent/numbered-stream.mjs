// Sends numbered datagrams from one process to another, RATE per second (default: 1000).
//
//   node numbered-stream.mjs send ADDRESS PORT [RATE]  until SIGTERM, then prints how many it sent
//   node numbered-stream.mjs receive ADDRESS PORT      until SIGTERM, then prints how many came,
//                                                      which are missing, and the longest gap
import { createSocket } from 'node:dgram';

const MOST_AT_ONCE = 20;
const [, , role, address, port, rate = '1000'] = process.argv;
const NANOSECONDS_EACH = BigInt(Math.round(1e9 / Number(rate)));
const family = address.includes(':') ? 'udp6' : 'udp4';
// A large buffer keeps datagrams while this process gets no processor time, so that they do not
// count as lost.
const socket = createSocket({
  type: family,
  recvBufferSize: role === 'receive' ? 2 ** 23 : undefined,
});

if (role === 'send') send();
else receive();

function send() {
  let sent = 0;
  const state = { isOver: false };
  let began = process.hrtime.bigint();
  socket.on('error', () => {});
  const timer = setInterval(() => {
    const due = Number((process.hrtime.bigint() - began) / NANOSECONDS_EACH);
    // After a pause, the sender catches up by at most `MOST_AT_ONCE` datagrams, because a larger
    // burst could cause losses.
    const late = Math.max(0, due - sent - MOST_AT_ONCE);
    began += BigInt(late) * NANOSECONDS_EACH;
    while (!state.isOver && sent < due - late) {
      const packet = Buffer.alloc(64);
      packet.writeUInt32BE(sent++);
      socket.send(packet, Number(port), address, () => {});
    }
  }, 1);
  process.on('SIGTERM', () => {
    state.isOver = true;
    clearInterval(timer);
    setTimeout(() => {
      process.stdout.write(`${JSON.stringify({ sent })}\n`);
      process.exit(0);
    }, 300);
  });
  process.stdout.write('sends\n');
}

function receive() {
  const seen = new Set();
  let last = 0n;
  let longestGapMs = 0;
  socket.on('message', (packet) => {
    const now = process.hrtime.bigint();
    if (last !== 0n) longestGapMs = Math.max(longestGapMs, Number(now - last) / 1e6);
    last = now;
    seen.add(packet.readUInt32BE());
  });
  socket.bind(Number(port), address, () => process.stdout.write('receives\n'));
  process.on('SIGTERM', () => {
    const missing = [];
    const highest = Math.max(-1, ...[...seen].slice(-5000));
    for (let i = 0; i <= highest; i++) if (!seen.has(i)) missing.push(i);
    const report = {
      received: seen.size,
      highest,
      missing: missing.length,
      first: missing.slice(0, 20),
      longestGapMs,
    };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    process.exit(0);
  });
}
