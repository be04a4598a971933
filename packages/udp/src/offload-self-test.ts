/**
 * Whether this kernel's UDP offloads do what they say, seen by datagrams that it sends to itself.
 *
 * ```
 *   sender ---- 4 x 500 bytes and 100, one message (UDP_SEGMENT) ---->  receiver, without UDP_GRO
 *          ---- 600 bytes, plain -------------------------------->      and another one, with it
 * ```
 * A kernel may have both options and cut or join wrongly, or not at all. The datagrams go the way that
 * the real ones will go, `SendQueue` and `ReceiveBatch`, and have to come out as they went in.
 *
 * Loopback that is down, filtered or slow says nothing of the offloads: that it works is what the plain
 * datagram shows.
 *
 * @module
 */
import { Endpoint } from '@litz/core';
import { allocate, boottimeMs, libc, linux } from '@litz/sys';
import { UdpCounters } from './counters.ts';
import { EndpointCache } from './endpoint-cache.ts';
import { canSegment, openLoopback, type LoopbackSocket } from './open-socket.ts';
import { ReceiveBatch, SLOT_LENGTH } from './receive-batch.ts';
import { SendQueue } from './send-queue.ts';

/** Why an offload is not to be used; a field is missing where nothing is wrong or nothing is known. */
export interface OffloadFaults {
  readonly udpGso?: string;
  readonly udpGro?: string;
}

/**
 * Sends a few datagrams over loopback, in the network namespace of the calling thread. Takes one to two
 * milliseconds, and `TRIES` times `LONGEST_MS` longer where datagrams are missing.
 *
 * @param gro whether to test it: without, no receiver asks for it
 */
export function testOffloads({ gro }: { readonly gro: boolean }): OffloadFaults {
  const sender = openLoopback(false);
  if (!sender) return {};
  try {
    if (!canSegment(sender.fd)) return {};
    const test = new LoopbackTest(sender);
    const udpGso = test.run(false);
    if (udpGso === NOTHING_KNOWN) return {};
    // What is sent wrongly shows nothing of how it would be received.
    if (udpGso !== undefined) return { udpGso };
    const udpGro = gro ? test.run(true) : undefined;
    return udpGro === undefined || udpGro === NOTHING_KNOWN ? {} : { udpGro };
  } finally {
    libc().close(sender.fd);
  }
}

class LoopbackTest {
  readonly #sender: LoopbackSocket;
  readonly #counters = new UdpCounters();
  readonly #queue: SendQueue;
  readonly #batch: ReceiveBatch;
  readonly #bytes: Uint8Array = Uint8Array.from(
    { length: PATTERN_LENGTH },
    (_, i) => (i * 31) ^ (i >> 8),
  );

  constructor(sender: LoopbackSocket) {
    this.#sender = sender;
    const options = { segmenting: true, counters: this.#counters, reports: {} };
    this.#queue = new SendQueue(4, sender.fd, options);
    const memory = allocate(SLOTS * SLOT_LENGTH).bytes;
    this.#batch = new ReceiveBatch(SLOTS, memory, 0, this.#counters);
  }

  /** What is wrong, if it is so each time; undefined: nothing is. */
  run(gro: boolean): string | undefined {
    let fault: string | undefined;
    for (let i = 0; i < TRIES; i++) {
      const receiver = openLoopback(gro);
      if (!receiver) return NOTHING_KNOWN;
      try {
        const refusal = this.#send(receiver);
        if (refusal !== undefined) return refusal;
        fault = this.#compare(this.#receive(receiver));
      } finally {
        libc().close(receiver.fd);
      }
      if (fault === undefined || fault === NOTHING_KNOWN) return fault;
    }
    return fault;
  }

  /** undefined: all is on its way. The kernel may refuse the message and take its datagrams. */
  #send({ port }: LoopbackSocket): string | undefined {
    const destination = new Endpoint(LOOPBACK, port);
    const { ungrouped, sentDatagrams } = this.#counters;
    for (const [offset, length] of DATAGRAMS) {
      this.#queue.push(this.#bytes, offset, length, destination, 0);
    }
    this.#queue.flush();
    if (this.#counters.sentDatagrams < sentDatagrams + DATAGRAMS.length) return NOTHING_KNOWN;
    return this.#counters.ungrouped > ungrouped ? `${SELF_TEST}: the kernel refuses it` : undefined;
  }

  /** What arrives from the sender until all is there, or time is over. */
  #receive({ fd }: LoopbackSocket): Uint8Array[] {
    const source = { family: 4, fd, endpoints: new EndpointCache(4), overflowSeen: 0 } as const;
    const deadline = boottimeMs() + LONGEST_MS;
    const region = allocate(8);
    region.view.setInt32(0, fd, true);
    region.view.setInt16(4, linux.POLLIN, true);
    const received: Uint8Array[] = [];
    for (;;) {
      this.#batch.reset();
      const count = this.#batch.receive(source, (buffer, offset, length, { port }) => {
        // Anybody on this machine may send something here.
        if (port === this.#sender.port) received.push(buffer.slice(offset, offset + length));
      });
      if (received.length >= DATAGRAMS.length || boottimeMs() >= deadline) return received;
      if (count === 0) libc().poll(region.address, 1, LONGEST_MS);
    }
  }

  #compare(received: Uint8Array[]): string | undefined {
    const sent = DATAGRAMS.map(([offset, length]) => this.#bytes.subarray(offset, offset + length));
    const plain = sent.pop()!;
    // It may overtake the others on a second processor.
    const at = received.findIndex((datagram) => Buffer.compare(datagram, plain) === 0);
    if (at === -1) return NOTHING_KNOWN;
    received.splice(at, 1);
    const right = sent.filter((datagram, i) => {
      const other = received[i];
      return other !== undefined && Buffer.compare(datagram, other) === 0;
    }).length;
    if (right === sent.length && received.length === sent.length) return undefined;
    return `${SELF_TEST}: ${right} of ${sent.length} datagrams arrived as they were sent`;
  }
}

const SELF_TEST = 'self-test on loopback';
/** Instead of a fault: loopback is down, filtered or slow. */
const NOTHING_KNOWN = 'nothing known';
const LOOPBACK = Uint8Array.of(127, 0, 0, 1);
/** Offset and length: those of one message, then the plain one, which is longer and so joins none. */
const DATAGRAMS = [
  [0, 500],
  [500, 500],
  [1000, 500],
  [1500, 500],
  [2000, 100],
  [2100, 600],
] as const;
const PATTERN_LENGTH = 2700;
const SLOTS = 8;
/** Datagrams may be late, on a machine that is busy. */
const TRIES = 2;
const LONGEST_MS = 1;
