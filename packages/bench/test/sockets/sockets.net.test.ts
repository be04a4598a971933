import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { missingNamespaces } from '../../src/peers/namespace-pair.ts';
import type { Measurement } from '../../src/results/result.ts';

const dist = join(import.meta.dirname, '../../dist/sockets');

describeWith(
  [
    requirement('the built @litz/bench', () => existsSync(join(dist, 'client-child.js'))),
    requirement('network namespaces', () => missingNamespaces()),
    programRequirement('wireguard'),
  ],
  'measureSockets',
  () => {
    it('measures each figure of Litz, each in a process of its own', async () => {
      const { measureSockets } = (await import(
        join(dist, 'sockets.js')
      )) as typeof import('../../src/sockets/sockets.ts');
      const { SUBJECTS } = (await import(
        join(dist, 'subjects.js')
      )) as typeof import('../../src/sockets/subjects.ts');
      const subjects = SUBJECTS.filter(({ name }) => name === 'litz');
      const modes = ['down', 'up', 'http', 'churn', 'idle'] as const;
      const settings = { subjects, modes, rounds: 1, seconds: 1, idle: 100, losses: [0.01] };
      const { measurements, failed } = await measureSockets(settings, () => {});
      expect(failed).toEqual([]);
      expect(measurements.map(({ figure }: Measurement) => figure)).toEqual([
        'TCP, 1 stream down',
        'CPU time per GB, down',
        'TCP, 1 stream up',
        'CPU time per GB, up',
        'HTTP, 64 connections, 1 KB',
        'connections opened and closed',
        'an idle connection',
        'peak memory, 1 stream',
        'goodput, 1 % loss, 40 ms, 8 streams up',
      ]);
      for (const { value } of measurements) expect(value).toBeGreaterThan(0);
    });
  },
);
