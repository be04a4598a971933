import { existsSync } from 'node:fs';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { missingProgram } from '../../src/peers/command.ts';
import { missingNamespaces } from '../../src/peers/namespace-pair.ts';
import type * as Start from '../../src/start/start.ts';

/** The built file, because child processes cannot load .ts files. */
const BUILT = new URL('../../dist/start/start.js', import.meta.url);
const requirements = [
  requirement('the built @litz/bench', () => (existsSync(BUILT) ? true : 'run `tsc -b` first')),
  requirement('the right to make network namespaces', () => missingNamespaces() ?? true),
  requirement('iperf3', () => missingProgram('iperf3', ['--version']) ?? true),
];

describeWith(requirements, 'measureStart', () => {
  it('measures a daemon with and without a warm-up, finds that the warm-up costs CPU time, and measures a small heap', async () => {
    const { measureStart, SMALL_HEAP, WITH, WITHOUT } = (await import(BUILT.href)) as typeof Start;
    const { measurements, failed } = await measureStart(
      { rounds: 1, restMs: 1000, peers: [] },
      () => {},
    );
    expect(failed).toEqual([]);
    const valueOf = (figure: string, subject: string): number =>
      measurements.find((one) => one.figure === figure && one.subject === subject)!.value!;
    for (const subject of ['litz', WITH, WITHOUT, SMALL_HEAP]) {
      expect(valueOf('start to configured, both ends', subject)).toBeGreaterThan(50);
      expect(valueOf('first 200 pings, average', subject)).toBeGreaterThan(0);
      expect(valueOf('first 200 pings, lost', subject)).toBe(0);
      expect(valueOf('TCP, 1 stream, first second', subject)).toBeGreaterThan(0);
    }
    const cpu = 'CPU of both daemons before the stream';
    expect(valueOf(cpu, WITH)).toBeGreaterThan(valueOf(cpu, WITHOUT));
  });
});
