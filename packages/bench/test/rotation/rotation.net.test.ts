import { existsSync } from 'node:fs';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { litz, PEERS, type Implementation } from '../../src/peers/implementation.ts';
import { missingNamespaces } from '../../src/peers/namespace-pair.ts';
import type * as Rotation from '../../src/rotation/rotation.ts';

/** What is built: children cannot load .ts. */
const BUILT = new URL('../../dist/rotation/rotation.js', import.meta.url);
const wireguardGo = PEERS.find(({ name }) => name === 'wireguard-go') as Implementation;
const requirements = [
  requirement('the built @litz/bench', () => (existsSync(BUILT) ? true : 'run `tsc -b` first')),
  requirement('the right to make network namespaces', () => missingNamespaces() ?? true),
  requirement('the built litz', () => litz().missing() ?? true),
  requirement('wireguard-go', () => wireguardGo.missing() ?? true),
];

describeWith(requirements, 'measureRotation', () => {
  it('finds no packet lost between two Litz, and a short gap with wireguard-go', async () => {
    const { measureRotation } = (await import(BUILT.href)) as typeof Rotation;
    const settings = { rotations: 3, packets: 1000, exchanges: 1 };
    const said: string[] = [];
    const { measurements, failed } = await measureRotation(
      { litz: litz(), peers: [wireguardGo], ...settings },
      (text) => said.push(text),
    );
    expect(failed).toEqual([]);
    const of = (figure: string): Record<string, number | null> =>
      Object.fromEntries(
        measurements
          .filter((one) => one.figure === figure)
          .map(({ subject, value }) => [subject, value]),
      );
    const lost = of('packets lost');
    const sent = of('packets sent');
    for (const kind of ['one end', 'the other end', 'both ends']) {
      expect([kind, lost[`litz: ${kind}`], said]).toEqual([kind, 0, said]);
      expect(sent[`litz: ${kind}`]).toBeGreaterThan(6000);
    }
    // Packets are lost with a peer that knows one key: those of a round trip, or until it is asked again.
    const runs = of('longest run of lost packets');
    expect(runs['wireguard-go: packets both ways']).toBeLessThanOrEqual(50);
    expect(runs['wireguard-go: silent']).toBeLessThanOrEqual(5400);
  });
});
