import type { PollSet } from '@litz/sys';
import { expect, it } from 'vitest';
import { PolledSockets } from '../../src/linux/polled-sockets.ts';
import type { DatagramSocket } from '../../src/plane/io-interfaces.ts';
import type { PacketPath } from '../../src/plane/packet-path.ts';

const POLLIN = 1;
const socketsOf = (...fds: number[]): DatagramSocket => ({ fds }) as unknown as DatagramSocket;

it('polls the current sockets only, and receives from those that are ready', () => {
  const polled = new FakePollSet();
  const sockets = new PolledSockets(polled as unknown as PollSet, POLLIN);
  const [first, second] = [socketsOf(7, 8), socketsOf(9)];
  const received: unknown[] = [];
  const path = { sockets: first, receive: (now: number, i: number) => received.push([now, i]) };
  sockets.follow(first);
  sockets.follow(first);
  expect(polled.fds).toEqual([7, 8]);
  polled.isReady = (index) => index === 1;
  sockets.receive(path as unknown as PacketPath, 100);
  expect(received).toEqual([[100, 1]]);
  sockets.follow(second);
  expect(polled.fds).toEqual([undefined, undefined, 9]);
  sockets.follow(undefined);
  expect(polled.fds).toEqual([undefined, undefined, undefined]);
});

it('stops receiving when the path gets other sockets', () => {
  const polled = new FakePollSet();
  const sockets = new PolledSockets(polled as unknown as PollSet, POLLIN);
  const first = socketsOf(7, 8);
  const received: number[] = [];
  const path: { sockets: DatagramSocket | undefined; receive: (now: number, i: number) => void } = {
    sockets: first,
    receive(_now, i) {
      received.push(i);
      path.sockets = undefined;
    },
  };
  sockets.follow(first);
  sockets.receive(path as unknown as PacketPath, 100);
  expect(received).toEqual([0]);
});

class FakePollSet {
  readonly fds: (number | undefined)[] = [];
  isReady = (_index: number): boolean => true;

  add(fd: number): number {
    return this.fds.push(fd) - 1;
  }

  remove(index: number): void {
    this.fds[index] = undefined;
  }

  ready(index: number): number {
    return this.isReady(index) ? POLLIN : 0;
  }
}
