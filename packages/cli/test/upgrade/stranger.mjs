/**
 * A program that asks a daemon for its device, as the new process of an upgrade does. It writes what
 * it got into the file `GOT`: 'closed', or the type of a message and its number of descriptors.
 */
import { writeFileSync } from 'node:fs';
import { STATE_FORMAT } from '@litz/core/internals';
import { UnixChannel } from '@litz/sys';

const channel = UnixChannel.connect(process.env.LITZ_HAND_OVER);
const hello = { type: 'hello', format: `1.${STATE_FORMAT}`, version: 'stranger' };
let got = 'nothing';
try {
  channel.send(new TextEncoder().encode(JSON.stringify(hello)));
} catch {
  // The daemon has closed the connection already, which `receive` reports too.
}
if (channel.wait(10_000)) {
  const received = channel.receive();
  got =
    received === 'closed'
      ? received
      : `${JSON.parse(new TextDecoder().decode(received.bytes)).type} ${received.fds.length}`;
}
writeFileSync(process.env.GOT, `uid ${process.getuid()} got ${got}`);
