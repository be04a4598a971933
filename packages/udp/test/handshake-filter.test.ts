import { describe, expect, it } from 'vitest';
import { encode, handshakeFilter } from '../src/handshake-filter.ts';
import { SourceSketch } from '../src/source-sketch.ts';
import { run } from './bpf-machine.ts';

const INITIATION = 148;
const RESPONSE = 92;
const COOKIE_REPLY = 64;
const LIMITS = { withoutMac2: 0.25, withMac2: 0.75 };

describe.each([4, 6] as const)('handshakeFilter for IPv%i', (family) => {
  const { sketch, marked, unmarked } = floodedBy(300, family);
  const program = encode(handshakeFilter(family, sketch, LIMITS));
  const passes = (source: number, payload: Uint8Array, random = 0xffff_ffff): boolean =>
    run(program, {
      packet: datagram(family, source, payload),
      ipLength: family === 4 ? 20 : 40,
      random,
    }) !== 0;

  it('drops handshake messages of marked sources, each type with its length', () => {
    for (const source of marked) {
      expect(passes(source, message(1, INITIATION))).toBe(false);
      expect(passes(source, message(2, RESPONSE))).toBe(false);
      expect(passes(source, message(3, COOKIE_REPLY))).toBe(false);
    }
  });

  it('passes handshake messages of sources that are not marked', () => {
    expect(unmarked.length).toBeGreaterThan(900);
    for (const source of unmarked) {
      expect(passes(source, message(1, INITIATION))).toBe(true);
      expect(passes(source, message(2, RESPONSE))).toBe(true);
      expect(passes(source, message(3, COOKIE_REPLY))).toBe(true);
    }
  });

  it('passes every transport message, also behind a handshake message, and drops coalesced initiations', () => {
    const [source = 0] = marked;
    for (let length = 1; length < 1500; length++) {
      expect(passes(source, message(4, length))).toBe(true);
    }
    for (const type of [1, 2, 3]) {
      for (const length of [INITIATION, RESPONSE, COOKIE_REPLY]) {
        const isAlone = length === [INITIATION, RESPONSE, COOKIE_REPLY][type - 1];
        expect(passes(source, message(type, length))).toBe(!isAlone);
        // Several coalesced messages of one type are dropped too, except cookie replies.
        expect(passes(source, message(type, 2 * length))).toBe(!isAlone || type === 3);
        expect(passes(source, message(type, length + 32))).toBe(true);
      }
    }
  });

  it('passes a share of the messages of marked sources: one share without mac2, and another share with mac2', () => {
    const [source = 0] = marked;
    const withMac2 = message(1, INITIATION);
    withMac2[132] = 1;
    const responseWithMac2 = message(2, RESPONSE);
    responseWithMac2[79] = 1;
    expect(passes(source, message(1, INITIATION), 0x3fff_ffff)).toBe(true);
    expect(passes(source, message(1, INITIATION), 0x4000_0000)).toBe(false);
    expect(passes(source, message(3, COOKIE_REPLY), 0x4000_0000)).toBe(false);
    for (const payload of [withMac2, responseWithMac2]) {
      expect(passes(source, payload, 0xbfff_ffff)).toBe(true);
      expect(passes(source, payload, 0xc000_0000)).toBe(false);
    }
  });

  it('fits into the longest program that a kernel accepts', () => {
    const full = new SourceSketch(seeded(3));
    for (let i = 0; i < 100_000; i++) {
      full.note(scattered(i), scattered(i + 7), i % 2 === 0 ? 0 : 9);
    }
    full.endInterval();
    expect(handshakeFilter(family, full, LIMITS).length).toBeLessThan(1200);
    expect(handshakeFilter(family, full, LIMITS).length).toBeLessThan(4096);
  });
});

/** Returns a sketch in which `count` sources are marked, and other sources that are not marked. */
function floodedBy(count: number, family: 4 | 6) {
  const sketch = new SourceSketch(seeded(family));
  const marked = Array.from({ length: count }, (_, i) => scattered(i));
  const low = (source: number): number => (family === 4 ? 0 : ~source >>> 0);
  for (const source of marked) sketch.note(source, low(source), 10);
  sketch.endInterval();
  const others = Array.from({ length: 1000 }, (_, i) => scattered(i + 1_000_000));
  const unmarked = others.filter((source) => !sketch.isMarked(source, low(source)));
  return { sketch, marked, unmarked };
}

function datagram(family: 4 | 6, source: number, payload: Uint8Array): Uint8Array {
  const ipLength = family === 4 ? 20 : 40;
  const packet = new Uint8Array(ipLength + 8 + payload.length);
  const view = new DataView(packet.buffer);
  view.setUint32(family === 4 ? 12 : 8, source, false);
  if (family === 6) view.setUint32(12, ~source >>> 0, false);
  packet.set(payload, ipLength + 8);
  return packet;
}

function message(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes[0] = type;
  return bytes;
}

function scattered(number: number): number {
  return Math.imul(number + 1, 0x85ebca6b) >>> 0;
}

function seeded(seed: number): (out: Uint32Array) => void {
  let state = seed * 0x9e3779b1;
  return (out) => {
    for (let i = 0; i < out.length; i++) {
      state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b1;
      out[i] = state;
    }
  };
}
