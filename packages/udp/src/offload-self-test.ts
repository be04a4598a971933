/**
 * Whether this kernel's UDP offloads do what they say, seen by datagrams that it sends to itself.
 *
 * ```
 *   sender ---- 4 x 500 bytes and 100, one message (UDP_SEGMENT) ---->  receiver, without UDP_GRO
 *          ---- 600 bytes, plain -------------------------------->      and another one, with it
 * ```
 * A kernel may have both options and cut or join wrongly, or not at all. The datagrams go the way that
 * the real ones will go, `SendQueue` and `ReceiveBatch`.
 *
 * - An offload works if all of them come out as they went in.
 * - It is faulty if the kernel refuses the message, or if anything comes out that did not go in: another
 *   length, other bytes, control data that make no sense. Once is enough, for nothing between the two
 *   sockets may do that.
 * - Otherwise nothing is known. What is missing was lost: loopback may be down, filtered, slow or short
 *   of room for a large message, and a queue on it (netem, bfifo) loses it again at each try. That says
 *   nothing of the interface by which the real ones will leave. Nor does another order or a second copy,
 *   which UDP allows and a receiver of WireGuard's messages sorts out.
 *
 * @module
 */
import { Endpoint } from '@litz/core';
import { allocate, boottimeMs, libc, linux } from '@litz/sys';
import { UdpCounters } from './counters.ts';
import { EndpointCache } from './endpoint-cache.ts';
import { canSegment, openLoopback, type LoopbackSocket } from './open-socket.ts';
import { ReceiveBatch, SLOT_LENGTH, type ReceiveSource } from './receive-batch.ts';
import { SendQueue } from './send-queue.ts';

/** What the test says of one offload. */
export type OffloadVerdict = 'works' | 'unknown' | OffloadFault;

export interface OffloadFault {
  /** For people. */
  readonly fault: string;
}

export interface OffloadVerdicts {
  readonly udpGso: OffloadVerdict;
  readonly udpGro: OffloadVerdict;
}

/**
 * Sends a few datagrams over loopback, in the network namespace of the calling thread. Takes one to two
 * milliseconds, and `TRIES` times `LONGEST_MS` longer where datagrams are missing.
 *
 * @param gro whether to test it: without, no receiver asks for it
 */
export function testOffloads({ gro }: { readonly gro: boolean }): OffloadVerdicts {
  const sender = openLoopback(false);
  if (!sender) return NOTHING_KNOWN;
  try {
    if (!canSegment(sender.fd)) return NOTHING_KNOWN;
    const test = new LoopbackTest(sender);
    const udpGso = test.run(false);
    // What is sent wrongly, or not known to be sent, shows nothing of how it would be received.
    return { udpGso, udpGro: gro && udpGso === 'works' ? test.run(true) : 'unknown' };
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

  run(gro: boolean): OffloadVerdict {
    let verdict: OffloadVerdict = 'unknown';
    for (let i = 0; i < TRIES && verdict === 'unknown'; i++) {
      const receiver = openLoopback(gro);
      if (!receiver) return verdict;
      try {
        const refused = this.#send(receiver);
        if (refused !== undefined) return refused;
        const { receiveDroppedMalformed } = this.#counters;
        verdict = this.#judge(this.#receive(receiver));
        // Only the kernel says how long the datagrams are that it has joined.
        const isMalformed = this.#counters.receiveDroppedMalformed > receiveDroppedMalformed;
        if (isMalformed) return fault('the kernel says an impossible length');
      } finally {
        libc().close(receiver.fd);
      }
    }
    return verdict;
  }

  /** The verdict, if it takes no receiver: undefined = all is on its way. */
  #send({ port }: LoopbackSocket): OffloadVerdict | undefined {
    const destination = new Endpoint(LOOPBACK, port);
    const { ungrouped, sentDatagrams } = this.#counters;
    for (const [offset, length] of DATAGRAMS) {
      this.#queue.push(this.#bytes, offset, length, destination, 0);
    }
    this.#queue.flush();
    // Loopback is down, or a filter lets nothing through.
    if (this.#counters.sentDatagrams < sentDatagrams + DATAGRAMS.length) return 'unknown';
    // The message was refused, and its datagrams were taken one by one.
    return this.#counters.ungrouped > ungrouped ? fault('the kernel refuses it') : undefined;
  }

  /** What arrives from the sender until all is there, or time is over. */
  #receive({ fd }: LoopbackSocket): Uint8Array[] {
    const source: ReceiveSource = {
      family: 4,
      fd,
      endpoints: new EndpointCache(4),
      overflowSeen: 0,
      messageLength: 0,
    };
    const deadline = boottimeMs() + LONGEST_MS;
    const region = allocate(8);
    region.view.setInt32(0, fd, true);
    region.view.setInt16(4, linux.POLLIN, true);
    const sender = new Endpoint(LOOPBACK, this.#sender.port);
    const received: Uint8Array[] = [];
    for (;;) {
      this.#batch.reset();
      const count = this.#batch.receive(source, (buffer, offset, length, from) => {
        // Anybody on this machine may send something here, and from this port at another address.
        if (from.sameDestination(sender)) received.push(buffer.slice(offset, offset + length));
      });
      if (received.length >= DATAGRAMS.length || boottimeMs() >= deadline) return received;
      if (count === 0) libc().poll(region.address, 1, LONGEST_MS);
    }
  }

  #judge(received: readonly Uint8Array[]): OffloadVerdict {
    const sent = DATAGRAMS.map(([offset, length]) => this.#bytes.subarray(offset, offset + length));
    const hasArrived = (datagram: Uint8Array): boolean => received.some(equals(datagram));
    const wrong = received.find((datagram) => !sent.some(equals(datagram)));
    if (wrong) return fault(`${wrong.length} bytes arrived that were not sent so`);
    return sent.every(hasArrived) ? 'works' : 'unknown';
  }
}

function fault(text: string): OffloadFault {
  return { fault: `self-test on loopback: ${text}` };
}

function equals(one: Uint8Array): (other: Uint8Array) => boolean {
  return (other) => Buffer.compare(one, other) === 0;
}

const NOTHING_KNOWN: OffloadVerdicts = { udpGso: 'unknown', udpGro: 'unknown' };
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
