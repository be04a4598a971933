import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { DropReason } from '@litz/core';
import { NetworkNamespace } from '@litz/sys';
import {
  describeWith,
  recordFigures,
  requirement,
  shortOrLong,
  type PathOptions,
} from '@litz/testkit';
import { expect, test } from 'vitest';

const built = requirement('the built @litz/net', () =>
  existsSync(new URL('../../dist/index.js', import.meta.url)) ? true : 'run `tsc -b` first',
);
const namespaces = requirement('the right to make network namespaces', () =>
  NetworkNamespace.create().close(),
);
const tunDevice = requirement('/dev/net/tun', () => existsSync('/dev/net/tun'));

const BYTES = shortOrLong(2_000_000, 1_000_000_000);
const LIMIT_MS = shortOrLong(60_000, 3_000_000);
const RESULTS = join(import.meta.dirname, '../results/lossy-datagrams.json');

/**
 * For each path: a name, what happens to the datagrams, and the reasons for which at least one of
 * the two devices must have dropped datagrams.
 */
const PATHS: [string, PathOptions, DropReason[]][] = [
  ['loses nothing', {}, []],
  ['loses 1 %', { loss: 0.01 }, []],
  ['loses 5 %', { loss: 0.05 }, []],
  ['reorders', { reordering: 0.05, reorderBy: 3 }, []],
  ['repeats', { duplicates: 0.05 }, ['replayed-counter']],
  ['corrupts', { corruption: 0.02 }, ['invalid-tag']],
  [
    'does all of it',
    { latency: 1, jitter: 2, loss: 0.01, reordering: 0.02, duplicates: 0.02, corruption: 0.01 },
    ['replayed-counter', 'invalid-tag'],
  ],
];

describeWith([built, namespaces, tunDevice], 'a network and the kernel of Linux', () => {
  for (const [name, path, reasons] of PATHS) {
    test.each([4, 6] as const)(
      `transfer every byte in both directions if the path of the datagrams ${name} (IPv%i)`,
      { timeout: LIMIT_MS + 20_000 },
      async (version) => {
        const transferred = await transfer({ bytes: BYTES, version, path: { seed: 5, ...path } });
        const { up, down, datagrams, lost, drops, seconds } = transferred;
        expect(up.sent.bytes).toBe(BYTES);
        expect(up.received).toEqual(up.sent);
        expect(down.received).toEqual(down.sent);
        expect(up.sent.digest).not.toBe(down.sent.digest);
        // The path did what its name says.
        const { loss = 0 } = path;
        expect(lost / datagrams).toBeLessThanOrEqual(loss * 2);
        expect(lost / datagrams).toBeGreaterThanOrEqual(loss / 2);
        const dropped = reasons.filter((reason) => drops.some((counts) => counts[reason]));
        expect(dropped).toEqual(reasons);
        recordFigures(RESULTS, `${name}, IPv${version}`, {
          bytesInEachDirection: BYTES,
          seconds: Math.round(seconds * 10) / 10,
          datagrams,
          lost,
        });
      },
    );
  }
});

interface Transferred {
  up: Direction;
  down: Direction;
  seconds: number;
  /** Datagrams that were put on the path, in both directions. */
  datagrams: number;
  /** How many of these datagrams the path lost. */
  lost: number;
  /** The drops of the device whose interface leads to the kernel, and those of the `Network`. */
  drops: Partial<Record<DropReason, number>>[];
}

interface Direction {
  sent: { bytes: number; digest: string };
  received: { bytes: number; digest: string };
}

/** Runs the transfer in a process inside a new network namespace. */
async function transfer(settings: {
  bytes: number;
  version: 4 | 6;
  path: PathOptions;
}): Promise<Transferred> {
  const program = join(import.meta.dirname, 'lossy-transfer.mjs');
  const namespace = NetworkNamespace.create();
  try {
    const child = namespace.run(() =>
      spawn(process.execPath, [program, JSON.stringify(settings)], {
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: LIMIT_MS,
        killSignal: 'SIGKILL',
      }),
    );
    return JSON.parse(await text(child.stdout)) as Transferred;
  } finally {
    namespace.close();
  }
}
