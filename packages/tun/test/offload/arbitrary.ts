/**
 * Random packets for property tests.
 *
 * @module
 */
import * as fc from 'fast-check';
import { ACK, FIN, PSH, type PacketShape } from './segments.ts';

/** How many random inputs a property test tries. */
export const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 200);

/** The time limit of a property test, in ms, for a large `RUNS`. */
export const TIMEOUT_MS = 600_000;

/**
 * Returns `length` pseudo-random bytes that depend on the seed. This is faster than an arbitrary of
 * fast-check.
 */
export function payloadOf(length: number, seed: number): Uint8Array {
  let state = seed | 1;
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state, 0x41c64e6d) + 12345;
    return state >>> 24;
  });
}

/** Arbitrary headers, and a payload of 1 to `longest` bytes. */
export function arbitraryShape(longest: number): fc.Arbitrary<PacketShape> {
  return fc
    .record({
      version: fc.constantFrom(4 as const, 6 as const),
      protocol: fc.constantFrom('tcp' as const, 'udp' as const),
      payloadLength: fc.integer({ min: 1, max: longest }),
      seed: fc.integer(),
      sequence: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      acknowledgement: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      flags: fc.constantFrom(ACK, ACK | PSH, ACK | FIN, ACK | PSH | FIN),
      window: fc.integer({ min: 0, max: 0xffff }),
      options: fc.integer({ min: 0, max: 10 }).map((words) => payloadOf(words * 4, words)),
      identification: fc.integer({ min: 0, max: 0xffff }),
      mayNotFragment: fc.boolean(),
      trafficClass: fc.integer({ min: 0, max: 255 }),
      hopLimit: fc.integer({ min: 1, max: 255 }),
      flowLabel: fc.integer({ min: 0, max: 0xfffff }),
    })
    .map(({ payloadLength, seed, ...shape }) => ({
      ...shape,
      payload: payloadOf(payloadLength, seed),
    }));
}
