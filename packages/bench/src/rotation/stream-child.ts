/**
 * Sends or receives a stream of numbered UDP packets, one per millisecond, until SIGTERM.
 *
 * ```
 *   stream-child.js send ADDRESS PORT       prints 'ready', and at the end answers { sent }
 *   stream-child.js receive ADDRESS PORT    prints 'ready', and at the end answers a `StreamReport`
 * ```
 *
 * @module
 */
import { createSocket } from 'node:dgram';
import { sendAnswer } from '../child.ts';
import { ReceivedNumbers } from './received-numbers.ts';
import { timeOfAll } from './time-of-all.ts';

function send(address: string, port: number): void {
  const socket = createSocket('udp4');
  socket.connect(port, address, () => {
    let start = performance.now();
    let sent = 0;
    process.stdout.write('ready\n');
    const timer = setInterval(() => {
      const due = performance.now() - start;
      // If this process was paused for long, some packets are never sent, because a large burst
      // would cause losses.
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
      sendAnswer({ sent });
      socket.close();
    });
  });
}

function receive(address: string, port: number): void {
  const numbers = new ReceivedNumbers();
  const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER });
  socket.on('message', (packet) => numbers.add(packet.readUInt32BE(), timeOfAll()));
  socket.bind(port, address, () => process.stdout.write('ready\n'));
  process.once('SIGTERM', () => {
    sendAnswer(numbers.report());
    socket.close();
  });
}

const LENGTH = 200;
/** The most packets that are sent after a pause. */
const MOST_AT_ONCE = 20;
/** In bytes. It is large, so that no packet is lost while this process waits for a processor. */
const RECEIVE_BUFFER = 1 << 23;

const [direction, address = '', port] = process.argv.slice(2);
if (direction === 'send') send(address, Number(port));
else receive(address, Number(port));
