/**
 * Two hosts whose stacks are joined in memory, without a tunnel: for tests of sockets.
 *
 * Packets of one turn of the event loop are carried in the next turn. The clock is real, because
 * the sockets are streams of Node.js, which need the event loop. So tests wait for events, not for
 * times.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { Stack } from '@litz/netstack';
import { SocketHost, type LookupAll, type StackLink } from '../src/socket-host.ts';
import { systemError } from '../src/errors.ts';

/** A host with a link to another one. It has the shape that `Socket` and `Server` need. */
export interface LinkedHost {
  readonly host: SocketHost;
  readonly link: FakeLink;
}

/**
 * Makes two hosts. By default `a` has the addresses 10.0.0.1 and fd00::1, and `b` has 10.0.0.2 and
 * fd00::2.
 *
 * @param names the names that both hosts can look up, with their addresses
 * @param hosts the addresses of both hosts
 */
export function linkedHosts(
  names: Record<string, string[]> = {},
  hosts: [string[], string[]] = [
    ['10.0.0.1', 'fd00::1'],
    ['10.0.0.2', 'fd00::2'],
  ],
): [a: LinkedHost, b: LinkedHost] {
  const [a, b] = hosts.map((addresses) => {
    const stack = new Stack({ randomBytes: randomFillSync, addresses });
    const host = new SocketHost({
      stack,
      addresses,
      lookup: tableLookup({ localhost: addresses, ...names }),
      describePeer: () => Promise.resolve('B'),
      onHold: () => {},
    });
    const link = new FakeLink(stack, host);
    host.link = link;
    return { host, link };
  }) as [LinkedHost, LinkedHost];
  a.link.other = b.link;
  b.link.other = a.link;
  return [a, b];
}

/** Carries packets to the other link. */
export class FakeLink implements StackLink {
  other: FakeLink | undefined = undefined;
  /** Called for each packet; false drops it. */
  filter: (packet: Uint8Array) => boolean = () => true;
  /** The number of packets that were received. */
  received = 0;
  readonly #stack: Stack;
  readonly #host: SocketHost;
  #isScheduled = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(stack: Stack, host: SocketHost) {
    this.#stack = stack;
    this.#host = host;
  }

  wake(): void {
    this.#report();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#carry());
  }

  receive(packet: Uint8Array): void {
    this.received++;
    this.#stack.handlePacket(packet, 0, packet.length, performance.now());
    this.wake();
  }

  #carry(): void {
    this.#isScheduled = false;
    const packet = new Uint8Array(65_535);
    for (;;) {
      const length = this.#stack.pollPacket(packet, 0, performance.now());
      if (length === 0) break;
      const copy = packet.slice(0, length);
      if (this.filter(copy)) this.other?.receive(copy);
    }
    this.#report();
    this.#setTimer();
  }

  #report(): void {
    for (let s = this.#stack.pollSocket(); s; s = this.#stack.pollSocket()) {
      this.#host.handleChange(s);
    }
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const due = this.#stack.pollTimeout();
    if (due === Infinity) return;
    const ms = Math.max(0, Math.ceil(due - performance.now()));
    this.#timer = setTimeout(() => {
      this.#stack.handleTimeout(performance.now());
      this.wake();
    }, ms).unref();
  }
}

function tableLookup(names: Record<string, string[]>): LookupAll {
  return (hostname, { family }, callback) => {
    const found = (names[hostname] ?? [])
      .map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      .filter((it) => !family || it.family === family);
    const error = Object.assign(systemError('ENOTFOUND', 'getaddrinfo'), { hostname });
    process.nextTick(() => (found.length > 0 ? callback(null, found) : callback(error, [])));
  };
}
