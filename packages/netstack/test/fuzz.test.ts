import { seededRandom, shortOrLong } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import { createPacketOffload, OFFLOAD, type Stack } from '../src/index.ts';
import { fragmentsOf } from './ip/fragments.ts';
import {
  createStack,
  joined,
  pattern,
  rawIcmp,
  rawPacket,
  rawUdp,
  withChecksum,
} from './raw-packets.ts';
import { record } from './results.ts';

const INPUTS = shortOrLong(100_000, 5_000_000);
const MEMORY = 2 ** 20;

describe('Stack', () => {
  test('takes any packet without an error, in bounded memory', { timeout: 3_600_000 }, () => {
    const random = seededRandom(99);
    const stack = createStack({ memory: MEMORY });
    const buffer = new Uint8Array(70_000);
    let now = 1000;
    stack.listenTcp({ port: 80, backlog: 32 });
    stack.openUdp({ port: 53 });
    const socket = stack.connectTcp('10.0.0.2', 5000, { localPort: 6000 });
    const offload = createPacketOffload();
    const rights = Array.from({ length: 5000 }, () => randomPacket(random));
    let answers = 0;
    for (let input = 0; input < INPUTS; input++) {
      const packet = rights[Math.floor(random() * rights.length)].slice();
      if (random() < 0.7) flip(packet, random);
      offload.flags = random() < 0.5 ? OFFLOAD.NEEDS_CHECKSUM : 0;
      const length = random() < 0.05 ? Math.floor(random() * packet.length) : packet.length;
      stack.handlePacket(packet, 0, length, now, offload);
      now += random() * 3;
      if (stack.pollTimeout() <= now) stack.handleTimeout(now);
      if (input % 64 === 0) answers += takeAll(stack, buffer, now);
      if (stack.memoryInUse > MEMORY) throw new Error('the memory has grown');
    }
    expect(answers).toBeGreaterThan(0);
    const kinds = Object.keys(stack.drops.toJSON());
    expect(kinds.length).toBeGreaterThan(15);
    // The stack still works: it answers a SYN.
    socket.abort();
    takeAll(stack, buffer, now);
    now += 200_000;
    stack.handleTimeout(now);
    takeAll(stack, buffer, now);
    const syn = segment(random, 61_000, 80, 2);
    stack.handlePacket(syn, 0, syn.length, now);
    expect(takeAll(stack, buffer, now)).toBeGreaterThan(0);
    record('fuzz', 'packets with wrong bits', {
      inputs: INPUTS,
      answers,
      kindsOfDrops: kinds.length,
    });
  });
});

function takeAll(stack: Stack, buffer: Uint8Array, now: number): number {
  let count = 0;
  while (stack.pollPacket(buffer, 0, now) > 0) count++;
  while (stack.pollSocket());
  return count;
}

/** Returns a packet of any kind. Its headers and checksums are right; its options may not be. */
function randomPacket(random: () => number): Uint8Array {
  const version = random() < 0.5 ? 4 : 6;
  const data = pattern(Math.floor(random() ** 3 * 1400));
  const kind = random();
  if (kind < 0.4)
    return segment(random, 5000 + Math.floor(random() * 3), pickPort(random), random() * 256);
  if (kind < 0.5) return rawUdp(version, random() < 0.5 ? 53 : 54, data);
  if (kind < 0.6) {
    const type = Math.floor(random() * 256);
    return rawIcmp(version, joined(Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0), data));
  }
  if (kind < 0.7) {
    const quoted = segment(random, 6000, 5000, 16);
    return rawIcmp(4, joined(Uint8Array.of(3, Math.floor(random() * 6), 0, 0, 0, 0, 5, 0), quoted));
  }
  if (kind < 0.9) {
    const payload = joined(new Uint8Array(8), data, data);
    const identification = Math.floor(random() * 50);
    const parts = fragmentsOf(
      { version, protocol: 17, payload },
      identification,
      8 << Math.floor(random() * 7),
    );
    return parts[Math.floor(random() * parts.length)];
  }
  const payload = joined(extensionHeaders(random), data);
  return rawPacket({
    version: 6,
    protocol: [0, 43, 60, 44, 135][Math.floor(random() * 5)],
    payload,
  });
}

function segment(
  random: () => number,
  sourcePort: number,
  port: number,
  flags: number,
): Uint8Array {
  const words = Math.floor(random() * 11);
  const header = new Uint8Array(20 + words * 4);
  const view = new DataView(header.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, port);
  view.setUint32(4, Math.floor(random() * 4) * 1000);
  view.setUint32(8, random() * 2 ** 32);
  header[12] = (5 + words) << 4;
  header[13] = flags;
  view.setUint16(14, random() * 65_536);
  for (let at = 20; at < header.length; at++) {
    header[at] = random() < 0.5 ? [1, 2, 3, 4, 5, 8, 10][Math.floor(random() * 7)] : random() * 256;
  }
  const data = random() < 0.5 ? pattern(Math.floor(random() * 1000)) : new Uint8Array(0);
  const payload = withChecksum(joined(header, data), 16, 6, { version: 4 });
  return rawPacket({ version: 4, protocol: 6, payload });
}

function pickPort(random: () => number): number {
  return [80, 6000, 81][Math.floor(random() * 3)];
}

function extensionHeaders(random: () => number): Uint8Array {
  const bytes = new Uint8Array(8 * (1 + Math.floor(random() * 4)));
  for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256;
  bytes[0] = [0, 6, 17, 43, 44, 58, 59, 60][Math.floor(random() * 8)];
  bytes[1] = random() * 4;
  return bytes;
}

/** Changes some bits. */
function flip(packet: Uint8Array, random: () => number): void {
  for (let count = Math.floor(random() * 4); count >= 0; count--) {
    // Headers are changed more often than data.
    const at = Math.floor(random() ** 3 * packet.length);
    packet[at] ^= 1 << Math.floor(random() * 8);
  }
}
