import { existsSync } from 'node:fs';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { missingNamespaces } from '../../src/peers/namespace-pair.ts';
import type * as Sockets from '../../src/sockets/sockets.ts';
import type * as Subjects from '../../src/sockets/subjects.ts';

/** The built files, because child processes cannot load .ts files. */
const BUILT = new URL('../../dist/sockets/sockets.js', import.meta.url);
const SUBJECTS_BUILT = new URL('../../dist/sockets/subjects.js', import.meta.url);
const requirements = [
  requirement('the built @litz/bench', () => (existsSync(BUILT) ? true : 'run `tsc -b` first')),
  requirement('the right to make network namespaces', () => missingNamespaces() ?? true),
  programRequirement('wireguard'),
];

describeWith(requirements, 'measureSockets', () => {
  it('measures every figure of Litz', async () => {
    const { measureSockets } = (await import(BUILT.href)) as typeof Sockets;
    const { SUBJECTS } = (await import(SUBJECTS_BUILT.href)) as typeof Subjects;
    const subjects = SUBJECTS.filter(({ name }) => name === 'litz');
    const modes = ['down', 'up', 'http', 'churn', 'idle'] as const;
    const settings = { subjects, modes, rounds: 1, seconds: 1, idle: 100, losses: [0.01] };
    const { measurements, failed } = await measureSockets(settings, () => {});
    expect(failed).toEqual([]);
    expect(measurements.map(({ figure }) => figure)).toEqual([
      'TCP, 1 stream down',
      'CPU time per GB, down',
      'TCP, 1 stream up',
      'CPU time per GB, up',
      'HTTP, 64 connections, 1 KB',
      'CPU time per 1000 requests',
      'connections opened and closed',
      'CPU time per 1000 connections',
      'an idle connection',
      'peak memory, 1 stream',
      'goodput, 1 % loss, 40 ms, 8 streams up',
    ]);
    for (const { value } of measurements) expect(value).toBeGreaterThan(0);
  });
});
