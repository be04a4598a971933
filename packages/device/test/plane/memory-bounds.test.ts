/**
 * Checks that the packet loop passes only ranges inside the packet memory to the TUN, the sockets
 * and the cipher. These are the calls that a device makes for every packet. A wrong range fails
 * here; a real TUN would refuse it too.
 *
 * @module
 */
import {
  Endpoint,
  nobleProvider,
  type Cipher,
  type CryptoProvider,
  type DatagramRun,
} from '@litz/core';
import { ipPacket } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataPlane } from '../../src/plane/data-plane.ts';
import type { DatagramSink } from '../../src/plane/io-interfaces.ts';
import { PacketMemory } from '../../src/plane/packet-memory.ts';
import { ALICE, BOB } from '../in-memory.ts';
import { FakeSockets, FakeTun } from './fake-io.ts';

const SLOTS = 64;
const SLOT_LENGTH = 2048;
/** How many ranges, pieces of packets, runs of datagrams and calls of a cipher were checked. */
const CALLS = { spans: 0, pieces: 0, runs: 0, texts: 0 };

describe('DataPlane', () => {
  it('passes only ranges inside its memory, with any input from either side', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 1420 }), fc.integer({ min: 0, max: 65_535 }));
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ side: fc.constant('tun'), size, tcp: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ side: fc.constant('junk'), size, tcp: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ side: fc.constant('wire'), size, tcp: fc.boolean() }) },
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(step, { maxLength: 40, size: 'max' }), { minLength: 1, maxLength: 3 }),
        (turns) => {
          const [alice, bob] = pair();
          let now = 1;
          for (const steps of turns) {
            for (const { side, size, tcp } of steps) put(alice, side, size, tcp);
            exchange(alice, bob, (now += 1000));
          }
        },
      ),
      { numRuns: 12 },
    );
    // If a count were near 0, the test would have checked almost nothing.
    for (const count of Object.values(CALLS)) expect(count).toBeGreaterThan(20);
  });
});

interface Side {
  readonly plane: DataPlane;
  readonly tun: CheckedTun;
  readonly sockets: CheckedSockets;
}

/** Makes two sides that have a session with each other. */
function pair(): [alice: Side, bob: Side] {
  const [alice, bob] = [side(1), side(2)];
  alice.plane.configure(configuration(ALICE, BOB), undefined, 0);
  bob.plane.configure(configuration(BOB, ALICE), undefined, 0);
  alice.plane.linkUp(alice.sockets, 0);
  bob.plane.linkUp(bob.sockets, 0);
  alice.tun.incoming.push(packet(100, false));
  exchange(alice, bob, 1);
  return [alice, bob];
}

function side(number: number): Side {
  const memory = new PacketMemory(SLOTS * SLOT_LENGTH);
  const tun = new CheckedTun();
  const sockets = new CheckedSockets(memory);
  sockets.source = endpointOf(3 - number);
  const plane = new DataPlane({
    tun,
    memory,
    onEvent: () => {},
    crypto: CHECKED_PROVIDER,
    engine: {},
  });
  return { plane, tun, sockets };
}

function configuration(own: typeof ALICE, other: typeof ALICE): object {
  const { publicKey, ipv4 } = other;
  const allowedIps = [{ address: ipv4, prefixLength: 32 }];
  const endpoint = endpointOf(other === ALICE ? 1 : 2);
  return { privateKey: own.privateKey, peers: [{ publicKey, endpoint, allowedIps }] };
}

function endpointOf(number: number): Endpoint {
  return new Endpoint(Uint8Array.of(192, 0, 2, number), 51820);
}

function put(to: Side, side: string, size: number, tcp: boolean): void {
  if (side === 'tun') to.tun.incoming.push(packet(size, tcp));
  else if (side === 'junk') to.tun.incoming.push(new Uint8Array(Math.min(size, 60_000)).fill(0x45));
  else to.sockets.incoming.push(new Uint8Array(size % 2000).fill(4, 0, 1));
}

/**
 * Returns a packet. If it is longer than the MTU, `CheckedTun` gives it the header of a
 * super-packet.
 */
function packet(size: number, tcp: boolean): Uint8Array {
  const payload = Array.from({ length: Math.min(size, 60_000) }, () => 7);
  const bytes = ipPacket({ source: ALICE.ipv4, destination: BOB.ipv4, payload });
  bytes[9] = tcp ? 6 : 17;
  // TCP: a header of 20 bytes, ACK. UDP: the length.
  if (tcp && bytes.length > 40) bytes.set([0x50, 0x10], 32);
  if (!tcp && bytes.length > 28) new DataView(bytes.buffer).setUint16(24, bytes.length - 20);
  return bytes;
}

function exchange(alice: Side, bob: Side, now: number): void {
  for (let i = 0; i < 6; i++) {
    for (const { plane } of [alice, bob]) {
      while (plane.path.step(now));
      plane.finish(now);
    }
    alice.sockets.incoming.push(...bob.sockets.sent.splice(0).map(({ bytes }) => bytes));
    bob.sockets.incoming.push(...alice.sockets.sent.splice(0).map(({ bytes }) => bytes));
  }
}

/** A TUN with offloads. If a packet is longer than the MTU, it is returned as a super-packet. */
class CheckedTun extends FakeTun {
  readonly offloads = { tcp: true, udp: true };

  override read(buffer: Uint8Array, offset: number, length: number): number {
    checkSpan(buffer, offset, length);
    const next = this.incoming[0];
    this.vnetHeader = next && next.length > 1420 ? superHeader(next) : new Uint8Array(10);
    return super.read(buffer, offset, length);
  }

  override write(buffer: Uint8Array, offset: number, length: number): number {
    checkSpan(buffer, offset, length);
    return super.write(buffer, offset, length);
  }

  writePieces(
    buffer: Uint8Array,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
  ): number {
    if (count > Math.min(256, offsets.length, lengths.length)) throw new Error(`${count} pieces`);
    let length = 0;
    for (let i = 0; i < count; i++) {
      checkSpan(buffer, offsets[i], lengths[i]);
      length += lengths[i];
      CALLS.pieces++;
    }
    return length;
  }
}

/**
 * Returns the struct virtio_net_hdr of a super-packet: TCP or UDP over IPv4, segments of 1200
 * bytes.
 */
function superHeader(bytes: Uint8Array): Uint8Array {
  const header = new Uint8Array(10);
  const view = new DataView(header.buffer);
  const isTcp = bytes[9] === 6;
  header[0] = 1;
  header[1] = isTcp ? 1 : 5;
  view.setUint16(2, isTcp ? 40 : 28, true);
  view.setUint16(4, 1200, true);
  view.setUint16(6, 20, true);
  view.setUint16(8, isTcp ? 16 : 6, true);
  return header;
}

/** Sockets that receive into the packet memory, into one slot after the other. */
class CheckedSockets extends FakeSockets {
  readonly #memory: PacketMemory;

  constructor(memory: PacketMemory) {
    super();
    this.#memory = memory;
  }

  override receive(sink: DatagramSink): number {
    const batch = this.incoming.splice(0, SLOTS);
    const { buffer, receiveOffset } = this.#memory;
    for (const [i, bytes] of batch.entries()) buffer.set(bytes, receiveOffset + i * SLOT_LENGTH);
    for (const [i, { length }] of batch.entries()) {
      sink(buffer, receiveOffset + i * SLOT_LENGTH, length, this.source, 0);
    }
    return batch.length;
  }

  override send(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Endpoint,
    tos: number,
  ): void {
    checkSpan(buffer, offset, length);
    super.send(buffer, offset, length, destination, tos);
  }

  override sendRun(run: DatagramRun): void {
    CALLS.runs++;
    const { offset, length, lastLength, stride, count } = run;
    const isRun = [offset, length, lastLength, stride, count].every(
      (n) => Number.isInteger(n) && n >= 0,
    );
    if (!isRun || lastLength > length || count < 1) throw new Error('no run');
    super.sendRun(run);
  }
}

function checkSpan(buffer: Uint8Array, offset: number, length: number): void {
  CALLS.spans++;
  const isWithin =
    Number.isInteger(offset) &&
    Number.isInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= buffer.length;
  if (!isWithin) throw new Error(`${length} bytes at ${offset} of ${buffer.length}`);
}

/**
 * Checks that the bytes which a cipher seals or opens, and their tag, are inside the buffer. Also
 * checks that each message of a run has the space around it that ciphers in native code need.
 */
const CHECKED_PROVIDER: CryptoProvider = {
  ...nobleProvider,
  createCipher(key) {
    const cipher = nobleProvider.createCipher(key);
    const checked: Cipher = {
      seal(counter, buffer, offset, length) {
        checkText(buffer, offset, length);
        cipher.seal(counter, buffer, offset, length);
      },
      open(counter, buffer, offset, length) {
        checkText(buffer, offset, length);
        return cipher.open(counter, buffer, offset, length);
      },
      sealRun(counter, buffer, offset, length, stride, count) {
        if (stride < length + 16 + 64) throw new Error(`${stride} bytes apart`);
        for (let i = 0; i < count; i++) {
          const at = offset + i * stride;
          checkSpan(buffer, at - 64, 64 + length + 64);
          checked.seal(counter + i, buffer, at, length);
        }
      },
      destroy: () => cipher.destroy(),
    };
    return checked;
  },
};

function checkText(buffer: Uint8Array, offset: number, length: number): void {
  CALLS.texts++;
  checkSpan(buffer, offset, length + 16);
}
