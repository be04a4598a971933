/**
 * `testOffloads`: tests this kernel's UDP offloads with datagrams that the process sends to itself.
 *
 * ```
 *   sender ---- 4 x 500 bytes and 100, one message (UDP_SEGMENT) ---->  receiver without UDP_GRO,
 *          ---- 600 bytes, plain -------------------------------->      then receiver with UDP_GRO
 * ```
 *
 * A kernel can have both options and still split or join wrongly, or not at all. The datagrams take
 * the same way as real ones: `SendQueue` and `ReceiveBatch`. A message is what one mmsghdr of
 * sendmmsg describes; here it has five datagrams, into which the kernel splits it.
 *
 * - An offload works if all datagrams arrive as they were sent.
 * - It is faulty if the kernel refuses the message, or if a datagram arrives that was not sent:
 *   with another length, other bytes, or invalid control data. One such case is enough, because
 *   nothing between the two sockets may change datagrams.
 * - In all other cases the result is unknown. A missing datagram was lost: loopback may be down,
 *   filtered or slow, or have too little memory for a large message, and a queue on loopback
 *   (netem, bfifo) may lose the datagram in every try. A loss says nothing about the interface that
 *   real datagrams leave through. Another order or a second copy says nothing either: UDP allows
 *   both, and a receiver of WireGuard messages handles both.
 *
 * @module
 */
import { Endpoint } from '@litz/core';
import { allocate, boottimeMs, libc, linux } from '@litz/sys';
import { UdpCounters } from './counters.ts';
import { EndpointCache } from './endpoint-cache.ts';
import { canSegment, openLoopback, type LoopbackSocket } from './open-sockets.ts';
import { ReceiveBatch, SLOT_LENGTH, type ReceiveSource } from './receive-batch.ts';
import { SendQueue } from './send-queue.ts';

/** The result of the test of one offload. */
export type OffloadVerdict = 'works' | 'unknown' | OffloadFault;

export interface OffloadFault {
  /** A text for people. */
  readonly fault: string;
}

export interface OffloadVerdicts {
  readonly udpGso: OffloadVerdict;
  readonly udpGro: OffloadVerdict;
}

/**
 * Sends a few datagrams over loopback, in the network namespace of the calling thread. Takes one to
 * two milliseconds, and `TRIES` times `LONGEST_MS` longer if datagrams are missing.
 *
 * @param gro whether to test UDP_GRO too
 */
export function testOffloads({ gro }: { readonly gro: boolean }): OffloadVerdicts {
  const sender = openLoopback(false);
  if (!sender) return NOTHING_KNOWN;
  try {
    if (!canSegment(sender.fd)) return NOTHING_KNOWN;
    const test = new LoopbackTest(sender);
    const udpGso = test.perform(false);
    // Receiving can be tested only if sending works. If sending does not work, UDP_SEGMENT may be
    // the cause of a wrong or missing datagram.
    return { udpGso, udpGro: gro && udpGso === 'works' ? test.perform(true) : 'unknown' };
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
    const options = { segmenting: true, counters: this.#counters, callbacks: {} };
    this.#queue = new SendQueue(4, sender.fd, options);
    const memory = allocate(SLOTS * SLOT_LENGTH).bytes;
    this.#batch = new ReceiveBatch(SLOTS, memory, 0, this.#counters);
  }

  perform(gro: boolean): OffloadVerdict {
    let verdict: OffloadVerdict = 'unknown';
    for (let i = 0; i < TRIES && verdict === 'unknown'; i++) {
      const receiver = openLoopback(gro);
      if (!receiver) return verdict;
      try {
        const refused = this.#send(receiver);
        if (refused !== undefined) return refused;
        const { receiveDroppedMalformed } = this.#counters;
        verdict = this.#judge(this.#receive(receiver));
        // The kernel reports the lengths of the datagrams that it joined, so a wrong length is a
        // fault of the kernel.
        const isMalformed = this.#counters.receiveDroppedMalformed > receiveDroppedMalformed;
        if (isMalformed) return fault('the kernel reports an impossible length');
      } finally {
        libc().close(receiver.fd);
      }
    }
    return verdict;
  }

  /**
   * Sends the datagrams. Returns a verdict if no receiver is needed for the verdict; undefined: all
   * datagrams were sent.
   */
  #send({ port }: LoopbackSocket): OffloadVerdict | undefined {
    const destination = new Endpoint(LOOPBACK, port);
    const { sentOneByOne, sentDatagrams } = this.#counters;
    for (const [offset, length] of DATAGRAMS) {
      this.#queue.push(this.#bytes, offset, length, destination, 0);
    }
    this.#queue.flush();
    // Loopback is down, or a filter drops everything.
    if (this.#counters.sentDatagrams < sentDatagrams + DATAGRAMS.length) return 'unknown';
    // The kernel refused the message, and its datagrams were sent one by one.
    return this.#counters.sentOneByOne > sentOneByOne
      ? fault('the kernel refuses to segment a message')
      : undefined;
  }

  /**
   * Returns the datagrams that arrive from the sender, until all have arrived or the time is over.
   */
  #receive({ fd }: LoopbackSocket): Uint8Array[] {
    const source: ReceiveSource = {
      family: 4,
      fd,
      endpoints: new EndpointCache(4),
      lastOverflow: 0,
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
        // Any program on this machine may send to this socket, also from the sender's port at
        // another address. Only the datagrams of the sender count.
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
    if (wrong)
      return fault(`a datagram of ${wrong.length} bytes arrived, but no such datagram was sent`);
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
/**
 * Offset and length of each datagram: first the datagrams of one message, then the plain datagram.
 * The plain datagram is longer, so the kernel does not join it to the others.
 */
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
/** On a busy machine datagrams may be late, so the test is tried again. */
const TRIES = 2;
// How long a try waits for datagrams, in ms.
const LONGEST_MS = 1;
