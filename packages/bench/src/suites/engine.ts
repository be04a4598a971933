/**
 * `engineSuite`: measures the engine without cryptography: from packet to datagram, and from
 * datagram to packet, with a cipher that only copies. Both directions are measured packet by
 * packet, and in batches, as in the packet loop of a device.
 *
 * @module
 */
import { connect, copyCipherProvider, createPair, packetBetween, type Pair } from '@litz/testkit';
import { nobleProvider, type PacketRun } from '@litz/core';
import { check, checkEqual, type Case } from './case.ts';

/** Returns the cases of both directions. The time is that of one packet. */
export function engineSuite(): Case[] {
  const [send, receive, sendRuns, receiveRuns] = [
    new Batch(),
    new Batch(),
    new Batch(),
    new Batch(),
  ];
  return [
    engineCase('packet in, datagram out, 1400 B', () => send.send()),
    engineCase(
      'datagram in, packet out, 1400 B',
      () => receive.receive(),
      () => receive.send(),
    ),
    engineCase('packets in, datagrams out, 32 together', () => sendRuns.sendRuns()),
    engineCase(
      'datagrams in, packets out, 64 together',
      () => receiveRuns.receiveBatch(),
      () => receiveRuns.sendRuns(),
    ),
  ];
}

function engineCase(name: string, run: () => void, prepare?: () => void): Case {
  return {
    figure: `engine: ${name}`,
    subject: 'litz',
    operations: OPERATIONS,
    check: checkRoundTrips,
    ...(prepare && { prepare }),
    run,
  };
}

function checkRoundTrips(): void {
  const batch = new Batch();
  const before = batch.packet(0);
  batch.send();
  batch.receive((packet) => checkEqual('packet', packet, before));
  batch.sendRuns();
  batch.receiveBatch((packet) => checkEqual('packet in a batch', packet, before));
  check('number of packets', batch.received === 2 * OPERATIONS);
}

/** Packets of alice in slots of one buffer, as in the packet loop. */
class Batch {
  received = 0;
  readonly #pair: Pair;
  readonly #buffer: Uint8Array = new Uint8Array(OPERATIONS * SLOT);
  readonly #lengths: Uint16Array = new Uint16Array(OPERATIONS);
  readonly #run: PacketRun;

  constructor() {
    const crypto = copyCipherProvider(nobleProvider);
    this.#pair = createPair({ alice: { crypto }, bob: { crypto } });
    connect(this.#pair);
    const { alice, bob } = this.#pair;
    const packet = packetBetween(alice, bob, { length: LENGTH });
    for (let i = 0; i < OPERATIONS; i++) this.#buffer.set(packet, i * SLOT + FREE_SPACE);
    const lengths = { stride: SLOT, length: LENGTH, lastLength: LENGTH };
    this.#run = { buffer: this.#buffer, offset: 0, count: RUN, ...lengths };
  }

  /** Returns a copy of a packet. Call it before `send`, which encrypts the packets in place. */
  packet(number: number): Uint8Array {
    return this.#buffer.slice(number * SLOT + FREE_SPACE, number * SLOT + FREE_SPACE + LENGTH);
  }

  send(): void {
    const { alice, network } = this.#pair;
    for (let i = 0; i < OPERATIONS; i++) {
      alice.engine.handlePacketAt(this.#buffer, i * SLOT + FREE_SPACE, LENGTH, network.now);
      this.#lengths[i] = alice.engine.pollTransmit()!.length;
    }
  }

  receive(onPacket?: (packet: Uint8Array) => void): void {
    const { alice, bob, network } = this.#pair;
    for (let i = 0; i < OPERATIONS; i++) {
      const length = this.#lengths[i]!;
      const { endpoint } = alice;
      const start = i * SLOT + HEADER_AT;
      bob.engine.handleDatagramAt(this.#buffer, start, length, endpoint, 0, network.now);
      const view = bob.engine.pollPacket();
      if (!view) throw new Error('a packet did not come out');
      this.received++;
      onPacket?.(view.packet);
    }
  }

  /** Sends the same packets as `send`, in runs. */
  sendRuns(): void {
    const { alice, network } = this.#pair;
    for (let i = 0; i < OPERATIONS; i += RUN) {
      this.#run.offset = i * SLOT + FREE_SPACE;
      alice.engine.handlePackets(this.#run, network.now);
      this.#lengths.fill(alice.engine.pollTransmit()!.length, i, i + RUN);
    }
    alice.engine.finishBatch(network.now);
  }

  /** Receives the same datagrams as `receive`, in one batch. */
  receiveBatch(onPacket?: (packet: Uint8Array) => void): void {
    const { alice, bob, network } = this.#pair;
    const { endpoint } = alice;
    for (let i = 0; i < OPERATIONS; i++) {
      const start = i * SLOT + HEADER_AT;
      const length = this.#lengths[i]!;
      const opened = bob.engine.openDatagram(this.#buffer, start, length, endpoint, 0, network.now);
      if (opened !== LENGTH) throw new Error(`a packet did not come out: ${opened}`);
      this.received++;
      const at = i * SLOT + FREE_SPACE;
      onPacket?.(this.#buffer.subarray(at, at + LENGTH));
    }
    bob.engine.finishBatch(network.now);
  }
}

const OPERATIONS = 64;
const RUN = 32;
const LENGTH = 1400;
/** Where a packet begins in its slot. A run needs 64 bytes in front of each packet. */
const FREE_SPACE = 64;
/** Where the header of the datagram begins in the slot. */
const HEADER_AT = 48;
const SLOT = 2048;
