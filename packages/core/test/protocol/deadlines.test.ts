import { createPair, packetBetween } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/index.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 12);

describe('pollTimeout', () => {
  it('is never too late: just before the returned time, the engine has nothing to do', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
        fc.nat(1000),
        (steps, seed) => {
          const options = { persistentKeepalive: 7 };
          const { network, alice, bob } = createPair({ seed: seed + 1, bobAsPeer: options });
          for (const { who, what, wait } of steps) {
            const [from, to] = who === 'alice' ? [alice, bob] : [bob, alice];
            if (what === 'send') from.send(packetBetween(from, to));
            if (what === 'lose') network.loses = () => true;
            if (what === 'heal') network.loses = () => false;
            if (what === 'down') from.input((engine, now) => engine.linkDown(now));
            if (what === 'up') from.input((engine, now) => engine.linkUp(now));
            const until = network.now + wait;
            while (network.next() <= until) {
              expect(network.nodes.filter(({ engine }) => !isQuietBefore(engine))).toEqual([]);
              network.step();
            }
            network.now = until;
          }
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('returns a later deadline after handleTimeout', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }), (steps) => {
        const { network, alice, bob } = createPair({ bobAsPeer: { persistentKeepalive: 3 } });
        for (const { who, what, wait } of steps) {
          const [from, to] = who === 'alice' ? [alice, bob] : [bob, alice];
          if (what === 'send') from.send(packetBetween(from, to));
          if (what === 'lose') network.loses = () => true;
          if (what === 'heal') network.loses = () => false;
          network.drive(wait);
          const deadline = from.engine.pollTimeout();
          if (deadline === Infinity) continue;
          network.now = Math.max(network.now, deadline);
          from.timeout();
          expect(from.engine.pollTimeout()).toBeGreaterThan(deadline);
        }
      }),
      { numRuns: RUNS },
    );
  });
});

const step = fc.record({
  who: fc.constantFrom('alice' as const, 'bob' as const),
  what: fc.constantFrom('send', 'send', 'send', 'lose', 'heal', 'down', 'up', 'wait'),
  wait: fc.oneof(
    fc.nat(200),
    fc.nat(20_000),
    fc.nat(200_000),
    fc.double({ min: 0, max: 11_000, noNaN: true }),
  ),
});

/** Returns whether an engine has nothing to do just before its deadline. */
function isQuietBefore(engine: Engine): boolean {
  const deadline = engine.pollTimeout();
  if (deadline === Infinity) return true;
  engine.handleTimeout(deadline - 0.001);
  const output = engine.pollTransmit() ?? engine.pollEvent() ?? engine.pollPacket();
  return output === undefined && engine.pollTimeout() === deadline;
}
