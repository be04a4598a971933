/**
 * `engineSuite`: measures the engine without cryptography: from packet to datagram, and from
 * datagram to packet, with a cipher that only copies.
 *
 * @module
 */
import { connect, copyCipherProvider, createPair, packetBetween, type Pair } from '@litz/testkit';
import { nobleProvider } from '@litz/core';
import { check, checkEqual, type Case } from './case.ts';

/** Returns the case of each direction. */
export function engineSuite(): Case[] {
  return [sendCase(), receiveCase()];
}

function sendCase(): Case {
  const batch = new Batch();
  return {
    figure: 'engine: packet in, datagram out, 1400 B',
    subject: 'litz',
    operations: OPERATIONS,
    check: checkRoundTrip,
    run: () => batch.send(),
  };
}

function receiveCase(): Case {
  const batch = new Batch();
  return {
    figure: 'engine: datagram in, packet out, 1400 B',
    subject: 'litz',
    operations: OPERATIONS,
    check: checkRoundTrip,
    prepare: () => batch.send(),
    run: () => batch.receive(),
  };
}

function checkRoundTrip(): void {
  const batch = new Batch();
  const before = batch.packet(0);
  batch.send();
  batch.receive((packet) => checkEqual('packet', packet, before));
  check('number of packets', batch.received === OPERATIONS);
}

/** Packets of alice in slots of one buffer, as in the packet loop. */
class Batch {
  received = 0;
  readonly #pair: Pair;
  readonly #buffer: Uint8Array = new Uint8Array(OPERATIONS * SLOT);
  readonly #lengths: Uint16Array = new Uint16Array(OPERATIONS);

  constructor() {
    const crypto = copyCipherProvider(nobleProvider);
    this.#pair = createPair({ alice: { crypto }, bob: { crypto } });
    connect(this.#pair);
    const { alice, bob } = this.#pair;
    const packet = packetBetween(alice, bob, { length: LENGTH });
    for (let i = 0; i < OPERATIONS; i++) this.#buffer.set(packet, i * SLOT + FREE_SPACE);
  }

  /** Returns a copy of a packet, before `send` has encrypted it. */
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
      bob.engine.handleDatagramAt(this.#buffer, i * SLOT, length, endpoint, 0, network.now);
      const view = bob.engine.pollPacket();
      if (!view) throw new Error('a packet did not come out');
      this.received++;
      onPacket?.(view.packet);
    }
  }
}

const OPERATIONS = 64;
const LENGTH = 1400;
const FREE_SPACE = 16;
const SLOT = 2048;
