/**
 * A program at one end of a numbered stream of UDP packets, one a millisecond, until it is told to end.
 *
 * ```
 *   stream-child.js send ADDRESS PORT       says 'ready', tells { sent }
 *   stream-child.js receive ADDRESS PORT    says 'ready', tells a `StreamReport`
 * ```
 *
 * @module
 */
import { createSocket } from 'node:dgram';
import { tell } from '../child.ts';
import { ReceivedNumbers } from './received-numbers.ts';

function send(address: string, port: number): void {
  const socket = createSocket('udp4');
  socket.connect(port, address, () => {
    let start = performance.now();
    let sent = 0;
    process.stdout.write('ready\n');
    const timer = setInterval(() => {
      const due = performance.now() - start;
      // After a pause of this process it goes on from here: a burst would be a loss of its own.
      const late = Math.max(0, due - sent - MOST_AT_ONCE);
      start += late;
      while (sent < due - late) {
        const packet = Buffer.alloc(LENGTH);
        packet.writeUInt32BE(sent++);
        socket.send(packet);
      }
    }, 1);
    process.once('SIGTERM', () => {
      clearInterval(timer);
      tell({ sent });
      socket.close();
    });
  });
}

function receive(address: string, port: number): void {
  const numbers = new ReceivedNumbers();
  const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER });
  socket.on('message', (packet) => numbers.take(packet.readUInt32BE(), performance.now()));
  socket.bind(port, address, () => process.stdout.write('ready\n'));
  process.once('SIGTERM', () => {
    tell(numbers.report());
    socket.close();
  });
}

const LENGTH = 200;
const MOST_AT_ONCE = 20;
// What waits while this process has no processor is not lost by anybody else.
const RECEIVE_BUFFER = 1 << 23;

const [direction, address = '', port] = process.argv.slice(2);
if (direction === 'send') send(address, Number(port));
else receive(address, Number(port));
