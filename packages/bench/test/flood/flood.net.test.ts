import { existsSync } from 'node:fs';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import type * as Flood from '../../src/flood/flood.ts';
import { missingProgram } from '../../src/peers/command.ts';
import { litz } from '../../src/peers/implementation.ts';
import { missingNamespaces } from '../../src/peers/namespace-pair.ts';

/** The built file, because child processes cannot load .ts files. */
const BUILT = new URL('../../dist/flood/flood.js', import.meta.url);
const requirements = [
  requirement('the built @litz/bench', () => (existsSync(BUILT) ? true : 'run `tsc -b` first')),
  requirement('the right to make network namespaces', () => missingNamespaces() ?? true),
  requirement('the built litz', () => litz().missing() ?? true),
  requirement('iperf3', () => missingProgram('iperf3', ['--version']) ?? true),
  requirement('nft', () => missingProgram('nft', ['--version']) ?? true),
];

describeWith(requirements, 'measureFlood', () => {
  it('floods a server at no more than the given rate, and connects new peers meanwhile', async () => {
    const { measureFlood } = (await import(BUILT.href)) as typeof Flood;
    const perSecond = 5000;
    const { measurements, failed } = await measureFlood(
      {
        implementations: [litz()],
        rounds: 1,
        seconds: 1,
        restMs: 0,
        floods: [{ kind: 'initiations', perSecond }],
        crowd: 20,
        silent: 50,
        watchSeconds: 1,
      },
      () => {},
    );
    expect(failed).toEqual([]);
    const valueOf = (figure: string): number =>
      measurements.find((one) => one.figure === figure)!.value!;
    const flood = 'initiations, 5,000/s';
    // A busy machine sends fewer messages.
    expect(valueOf(`${flood}: messages sent per second`)).toBeGreaterThan(perSecond / 5);
    expect(valueOf(`${flood}: messages sent per second`)).toBeLessThan(perSecond * 1.1);
    expect(valueOf(`${flood}: TCP`)).toBeGreaterThan(0);
    // A peer that does not connect within six seconds counts as 6000 ms.
    expect(valueOf(`${flood}: new peer that retries soon`)).toBeLessThan(6000);
    expect(valueOf('20 new peers at once: all are connected')).toBeLessThan(16_000);
  }, 120_000);
});
