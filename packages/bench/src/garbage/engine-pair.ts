/**
 * `EnginePair`: packets from one engine to another in memory, in the two ways that a caller can take.
 *
 * @module
 */
import type { CryptoProvider, Peer } from '@litz/core';
import { connect, createPair, packetBetween, type Pair } from '@litz/testkit';

/** Each packet by itself, or the primitives that the packet loop uses for many at a time. */
export type Way = 'packet' | 'batch';

export class EnginePair {
  received = 0;
  readonly #pair: Pair;
  readonly #packet: Uint8Array;
  readonly #buffer: Uint8Array = new Uint8Array(BATCH * SLOT);
  readonly #lengths: Uint16Array = new Uint16Array(BATCH);
  /** A fraction, as a real clock has it: such numbers are objects where they are not kept as such. */
  #now: number;

  constructor(crypto: CryptoProvider) {
    this.#pair = createPair({ alice: { crypto }, bob: { crypto } });
    connect(this.#pair);
    const { alice, bob, network } = this.#pair;
    this.#packet = packetBetween(alice, bob, { length: LENGTH });
    this.#now = network.now + 0.25;
  }

  /** Whole batches of 64, at least as many packets as asked for. */
  run(way: Way, packets: number): void {
    for (let done = 0; done < packets; done += BATCH) {
      this.#now += 0.001;
      for (let i = 0; i < BATCH; i++) this.#buffer.set(this.#packet, i * SLOT + ROOM);
      if (way === 'packet') this.#carryOneByOne();
      else this.#carryBatch();
    }
  }

  #carryOneByOne(): void {
    const { alice, bob } = this.#pair;
    for (let i = 0; i < BATCH; i++) {
      alice.engine.handlePacketAt(this.#buffer, i * SLOT + ROOM, LENGTH, this.#now);
      this.#lengths[i] = alice.engine.pollTransmit()?.length ?? 0;
    }
    for (let i = 0; i < BATCH; i++) {
      const length = this.#lengths[i] ?? 0;
      bob.engine.handleDatagramAt(this.#buffer, i * SLOT, length, alice.endpoint, 0, this.#now);
      if (bob.engine.pollPacket()?.length === LENGTH) this.received++;
    }
  }

  #carryBatch(): void {
    this.#sendBatch();
    this.#receiveBatch();
    this.#drain();
  }

  #sendBatch(): void {
    const { fastPath } = this.#pair.alice.engine;
    const peer: Peer | undefined = fastPath.route(this.#buffer, ROOM, LENGTH);
    const keypair = peer && fastPath.sendKeypair(peer, this.#now);
    if (!keypair) throw new Error('there is no session');
    let bytes = 0;
    for (let i = 0; i < BATCH; i++) {
      const length = fastPath.seal(keypair, this.#buffer, i * SLOT + ROOM, LENGTH);
      this.#lengths[i] = length;
      bytes += length;
    }
    fastPath.afterSend(keypair, BATCH, bytes, this.#now);
  }

  #receiveBatch(): void {
    const { alice, bob } = this.#pair;
    const { fastPath } = bob.engine;
    for (let i = 0; i < BATCH; i++) {
      const length = this.#lengths[i] ?? 0;
      const keypair = fastPath.open(this.#buffer, i * SLOT, length, this.#now);
      if (typeof keypair === 'string') throw new Error(keypair);
      const padded = length - OVERHEAD;
      const accepted = fastPath.accept(keypair, this.#buffer, i * SLOT + ROOM, padded, 0);
      if (accepted === LENGTH) this.received++;
      fastPath.afterReceive(keypair, alice.endpoint, 1, length, true, this.#now);
    }
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
const ROOM = 16;
const OVERHEAD = 32;
const SLOT = 2048;
