import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStack, give, pattern, rawPacket, rawUdp, take } from '../raw-packets.ts';

/** `pnpm test:fuzz` runs more. */
const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 500);

describe('receivePacket', () => {
  test.each<[what: string, packet: Uint8Array, reason: string]>([
    ['from a group', rawUdp(4, 53, pattern(8), { source: '224.0.0.1' }), 'bad-source'],
    ['from a loopback address', rawUdp(4, 53, pattern(8), { source: '127.0.0.1' }), 'bad-source'],
    ['from ::', rawUdp(6, 53, pattern(8), { source: '::' }), 'bad-source'],
    [
      'from an IPv4-mapped address',
      rawUdp(6, 53, pattern(8), { source: '::ffff:10.0.0.2' }),
      'bad-source',
    ],
    ['from our own address', rawUdp(4, 53, pattern(8), { source: '10.0.0.1' }), 'bad-source'],
    ['for another host', rawUdp(4, 53, pattern(8), { destination: '10.0.0.3' }), 'not-ours'],
    ['for everybody', rawUdp(4, 53, pattern(8), { destination: '255.255.255.255' }), 'not-ours'],
  ])('drops a packet %s', (_, packet, reason) => {
    const stack = createStack();
    stack.openUdp({ port: 53 });
    give(stack, packet);
    expect(stack.drops.toJSON()).toEqual({ [reason]: 1 });
    expect(stack.pollSocket()).toBeUndefined();
  });

  test('reads an atomic fragment as a whole packet', () => {
    const stack = createStack();
    const socket = stack.openUdp({ port: 53 });
    const datagram = rawUdp(6, 53, pattern(20)).subarray(40);
    const payload = Uint8Array.of(17, 0, 0, 0, 1, 2, 3, 4, ...datagram);
    give(stack, rawPacket({ version: 6, protocol: 44, payload }));
    expect([socket.isReadable, stack.pollTimeout()]).toEqual([true, Infinity]);
  });

  test('never throws, and sends at most two answers to any two packets', () => {
    const stack = createStack({ memory: 2 ** 18 });
    stack.openUdp({ port: 53 });
    stack.openEcho();
    const protocols = fc.constantFrom(0, 1, 6, 17, 43, 44, 58, 59, 60, 200);
    const bytes = fc.uint8Array({ maxLength: 300, size: 'max' });
    fc.assert(
      fc.property(
        fc.constantFrom(4, 6),
        protocols,
        bytes,
        fc.nat(0xffff),
        (version, protocol, payload, fragment) => {
          give(
            stack,
            rawPacket({
              version: version,
              protocol,
              payload,
              fragment: fragment & 0x20ff,
            }),
          );
          give(stack, payload);
          expect(take(stack).length).toBeLessThanOrEqual(2);
        },
      ),
      { numRuns: RUNS },
    );
  });
});
