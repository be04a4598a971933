/**
 * `EnginePair`: sends packets from one engine to another in memory, either packet by packet or in
 * batches.
 *
 * @module
 */
import type { CryptoProvider, PacketRun } from '@litz/core';
import { connect, createPair, packetBetween, type Pair } from '@litz/testkit';

/** How packets are passed to an engine: one by one, or in batches as in a device. */
export type Way = 'packet' | 'batch';

export class EnginePair {
  /** The number of packets that the second engine has returned. */
  received = 0;
  readonly #pair: Pair;
  readonly #packet: Uint8Array;
  readonly #buffer: Uint8Array = new Uint8Array(BATCH * SLOT);
  readonly #lengths: Uint16Array = new Uint16Array(BATCH);
  readonly #run: PacketRun = {
    buffer: this.#buffer,
    offset: 0,
    stride: SLOT,
    length: LENGTH,
    lastLength: LENGTH,
    count: 1,
  };
  /**
   * The time in ms. Like the time of a real clock, it is not an integer, so V8 may allocate an
   * object for it.
   */
  #now: number;

  constructor(crypto: CryptoProvider) {
    this.#pair = createPair({ alice: { crypto }, bob: { crypto } });
    connect(this.#pair);
    const { alice, bob, network } = this.#pair;
    this.#packet = packetBetween(alice, bob, { length: LENGTH });
    this.#now = network.now + 0.25;
  }

  /** Sends batches of 64 packets, until at least `packets` packets were sent. */
  run(way: Way, packets: number): void {
    for (let done = 0; done < packets; done += BATCH) {
      this.#now += 0.001;
      for (let i = 0; i < BATCH; i++) this.#buffer.set(this.#packet, i * SLOT + FREE_SPACE);
      if (way === 'packet') this.#carryOneByOne();
      else this.#carryBatch();
    }
  }

  #carryOneByOne(): void {
    const { alice, bob } = this.#pair;
    for (let i = 0; i < BATCH; i++) {
      alice.engine.handlePacketAt(this.#buffer, i * SLOT + FREE_SPACE, LENGTH, this.#now);
      this.#lengths[i] = alice.engine.pollTransmit()?.length ?? 0;
    }
    for (let i = 0; i < BATCH; i++) {
      const length = this.#lengths[i] ?? 0;
      const at = i * SLOT + FREE_SPACE - HEADER;
      bob.engine.handleDatagramAt(this.#buffer, at, length, alice.endpoint, 0, this.#now);
      if (bob.engine.pollPacket()?.length === LENGTH) this.received++;
    }
  }

  #carryBatch(): void {
    this.#sendBatch();
    this.#receiveBatch();
    this.#drain();
  }

  #sendBatch(): void {
    const { engine } = this.#pair.alice;
    for (let i = 0; i < BATCH; i++) {
      this.#run.offset = i * SLOT + FREE_SPACE;
      if (engine.handlePackets(this.#run, this.#now)) throw new Error('there is no session');
    }
    engine.finishBatch(this.#now);
    for (let i = 0; i < BATCH; i++) this.#lengths[i] = engine.pollTransmit()?.length ?? 0;
  }

  #receiveBatch(): void {
    const { alice, bob } = this.#pair;
    for (let i = 0; i < BATCH; i++) {
      const length = this.#lengths[i] ?? 0;
      const at = i * SLOT + FREE_SPACE - HEADER;
      const opened = bob.engine.openDatagram(
        this.#buffer,
        at,
        length,
        alice.endpoint,
        0,
        this.#now,
      );
      if (opened === LENGTH) this.received++;
      else if (typeof opened === 'string') throw new Error(opened);
    }
    bob.engine.finishBatch(this.#now);
  }

  #drain(): void {
    for (const { engine } of this.#pair.network.nodes) {
      while (engine.pollTransmit());
      while (engine.pollEvent());
    }
  }
}

const BATCH = 64;
const LENGTH = 1400;
const FREE_SPACE = 64;
const HEADER = 16;
const SLOT = 2048;
