import { existsSync } from 'node:fs';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { litz, peersNamed, type Implementation } from '../../src/peers/implementation.ts';
import { missingNamespaces } from '../../src/peers/namespace-pair.ts';
import type { Measurement } from '../../src/results/result.ts';
import type * as Rotation from '../../src/rotation/rotation.ts';

/** The built file, because child processes cannot load .ts files. */
const BUILT = new URL('../../dist/rotation/rotation.js', import.meta.url);
const [wireguardGo] = peersNamed(['wireguard-go']) as [Implementation];
const requirements = [
  requirement('the built @litz/bench', () => (existsSync(BUILT) ? true : 'run `tsc -b` first')),
  requirement('the right to make network namespaces', () => missingNamespaces() ?? true),
  requirement('the built litz', () => litz().missing() ?? true),
];
const withWireguardGo = requirement('wireguard-go', () => wireguardGo.missing() ?? true);

const settings = { litz: litz(), packets: 1000 };
const said: string[] = [];
const say = (text: string): void => void said.push(text);

describeWith(requirements, 'measureRotation', () => {
  it('finds that no packet is lost between two ends with Litz', async () => {
    const { measureRotation } = (await import(BUILT.href)) as typeof Rotation;
    const { measurements, failed } = await measureRotation({ ...settings, rotations: 3 }, say);
    expect(failed).toEqual([]);
    const lost = valuesOf(measurements, 'packets lost');
    const sent = valuesOf(measurements, 'packets sent');
    for (const kind of ['one end', 'the other end', 'both ends']) {
      expect([kind, lost[`litz: ${kind}`], said]).toEqual([kind, 0, said]);
      expect(sent[`litz: ${kind}`]).toBeGreaterThan(6000);
    }
  });
});

describeWith([...requirements, withWireguardGo], 'measureExchange', () => {
  it('finds a short run of lost packets with a peer that knows one key, and a longer gap if the peer is silent', async () => {
    const { EXCHANGE_KINDS, exchangePeer, measureExchange } = (await import(
      BUILT.href
    )) as typeof Rotation;
    const { measurements, failed } = await measureExchange(
      { ...settings, peers: [exchangePeer(wireguardGo)], kinds: EXCHANGE_KINDS, exchanges: 1 },
      say,
    );
    expect(failed).toEqual([]);
    // While the peer sends, packets are lost for one round trip. If the peer is silent, packets are
    // lost until Litz initiates again.
    const runs = valuesOf(measurements, 'longest run of lost packets');
    expect(runs['wireguard-go: packets both ways']).toBeLessThanOrEqual(50);
    expect(runs['wireguard-go: silent']).toBeLessThanOrEqual(5400);
    expect(runs['wireguard-go: no exchange']).toBe(0);
    expect(valuesOf(measurements, 'keys replaced')['wireguard-go: no exchange']).toBe(0);
    // A stream with at most one exchange is one part, so this is the longest gap of the stream.
    const longest = valuesOf(measurements, 'longest gap of each rotation');
    expect(longest['wireguard-go: silent']).toBeGreaterThan(1000);
    expect(longest['wireguard-go: no exchange']).toBeLessThan(1000);
  });
});

function valuesOf(
  measurements: readonly Measurement[],
  figure: string,
): Record<string, number | null> {
  return Object.fromEntries(
    measurements
      .filter((one) => one.figure === figure)
      .map(({ subject, value }) => [subject, value]),
  );
}
