import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStack, give, rawIcmp, take, THEIRS, OURS, rawUdp, pattern } from '../raw-packets.ts';

/** `pnpm test:fuzz` runs more. */
const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 500);
const FROM_US = {
  4: { source: OURS[4], destination: THEIRS[4] },
  6: { source: OURS[6], destination: THEIRS[6] },
} as const;

describe('receiveIcmp', () => {
  test.each<[what: string, packet: Uint8Array, reason: string]>([
    ['a message that is cut', rawIcmp(4, [8, 0, 0, 0, 0, 0, 0]), 'malformed-icmp'],
    [
      'a wrong checksum',
      withByte(rawIcmp(4, [8, 0, 0, 0, 0, 0, 0, 0]), 23, 1),
      'bad-icmp-checksum',
    ],
    [
      'a wrong checksum of ICMPv6',
      withByte(rawIcmp(6, [128, 0, 0, 0, 0, 0, 0, 0]), 43, 1),
      'bad-icmp-checksum',
    ],
    ['a redirect', rawIcmp(4, [5, 0, 0, 0, 0, 0, 0, 0]), 'unexpected-icmp'],
    ['a router advertisement', rawIcmp(6, [134, 0, 0, 0, 0, 0, 0, 0]), 'unexpected-icmp'],
    ['an error of type 0', rawIcmp(6, [0, 0, 0, 0, 0, 0, 0, 0]), 'unexpected-icmp'],
    ['a reply nobody waits for', rawIcmp(4, [0, 0, 0, 0, 0, 1, 0, 0]), 'unexpected-icmp'],
    ['an error without a packet', rawIcmp(4, [3, 1, 0, 0, 0, 0, 0, 0]), 'malformed-icmp'],
    [
      'an error about a packet of others',
      rawIcmp(4, [3, 1, 0, 0, 0, 0, 0, 0, ...rawUdp(4, 1, pattern(8))]),
      'unexpected-icmp',
    ],
    [
      'an error about a socket that is not there',
      rawIcmp(6, [1, 4, 0, 0, 0, 0, 0, 0, ...rawUdp(6, 1, pattern(8), FROM_US[6])]),
      'unexpected-icmp',
    ],
    [
      'an ICMPv6 error about an IPv4 packet',
      rawIcmp(6, [1, 4, 0, 0, 0, 0, 0, 0, ...rawUdp(4, 1, pattern(30), FROM_US[4])]),
      'malformed-icmp',
    ],
  ])('drops %s', (_, packet, reason) => {
    const stack = createStack();
    give(stack, packet);
    expect(stack.drops.toJSON()).toEqual({ [reason]: 1 });
    expect(take(stack)).toEqual([]);
  });

  test('never throws, and sends at most two answers to any two ICMP messages', () => {
    const stack = createStack();
    const sockets = [stack.openUdp({ port: 9 }), stack.openEcho()];
    const bytes = fc.uint8Array({ maxLength: 100, size: 'max' });
    fc.assert(
      fc.property(
        fc.constantFrom(4, 6),
        fc.nat(12),
        fc.nat(6),
        bytes,
        (version, type, code, rest) => {
          give(stack, rawIcmp(version, [type, code, 0, 0, ...rest]));
          give(
            stack,
            rawIcmp(version, [type, code, 0, 0, 0, 0, 0, 0, 0x45 + (version - 4) * 0x0d, ...rest]),
          );
          expect(take(stack).length).toBeLessThanOrEqual(2);
        },
      ),
      { numRuns: RUNS },
    );
    expect(sockets.length).toBe(2);
  });
});

function withByte(packet: Uint8Array, offset: number, byte: number): Uint8Array {
  const copy = packet.slice();
  copy[offset] ^= byte;
  return copy;
}
