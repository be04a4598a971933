import { describeWith, shortOrLong, type PathOptions } from '@litz/testkit';
import { expect, test } from 'vitest';
import { connect, createFixture, type FixtureOptions } from './fixture.ts';
import { tunDevices } from './requirements.ts';
import { record } from '../results.ts';
import { Receiver, Sender } from './transfer.ts';

const BYTES = shortOrLong(2_000_000, 1_000_000_000);
/** At 5 % loss the kernel needs some ms for each segment. */
const LIMIT_MS = shortOrLong(60_000, 3_000_000);

const PATHS: [string, PathOptions][] = [
  ['loses nothing', {}],
  ['loses 1 %', { loss: 0.01 }],
  ['loses 5 %', { loss: 0.05 }],
  ['reorders', { reordering: 0.05, reorderBy: 3 }],
  ['repeats and corrupts', { duplicates: 0.02, corruption: 0.01 }],
  ['does all of it', { loss: 0.01, jitter: 2, duplicates: 0.02, corruption: 0.005 }],
];

/** The kernel without some of the options of RFC 7323 and RFC 2018. */
const KERNELS: [string, Record<string, number>][] = [
  ['SACK', { 'net.ipv4.tcp_sack': 0 }],
  ['timestamps', { 'net.ipv4.tcp_timestamps': 0 }],
  ['window scaling', { 'net.ipv4.tcp_window_scaling': 0 }],
  [
    'any option',
    {
      'net.ipv4.tcp_sack': 0,
      'net.ipv4.tcp_timestamps': 0,
      'net.ipv4.tcp_window_scaling': 0,
    },
  ],
];

describeWith([tunDevices], 'a stack and the kernel of Linux', () => {
  for (const [name, path] of PATHS) {
    for (const version of [4, 6] as const) {
      test.each([
        ['plain packets', false],
        ['super-packets', true],
      ])(
        `transfer every byte in both directions over a path that ${name} (IPv${version}, %s)`,
        { timeout: LIMIT_MS + 20_000 },
        async (kind, offload) => {
          const { seconds, isRight } = await exchange(
            { offload },
            { latency: 0.1, ...path },
            { version },
          );
          expect(isRight).toBe(true);
          record('transfers', `${name}, IPv${version}, ${kind}`, {
            bytesInEachDirection: BYTES,
            seconds: Math.round(seconds * 10) / 10,
          });
        },
      );
    }
  }

  test.each(KERNELS)('transfer every byte if the kernel does not use %s', async (_, sysctls) => {
    for (const by of ['stack', 'kernel'] as const) {
      const { isRight } = await exchange({ sysctls }, { loss: 0.02 }, { bytes: 500_000, by });
      expect(isRight).toBe(true);
    }
  });

  test.each(['cubic', 'new-reno'] as const)(
    'transfer every byte with the congestion control %s',
    async (congestionControl) => {
      const options = { connections: { congestionControl } };
      const { isRight } = await exchange(options, { loss: 0.01, latency: 2 }, { bytes: 500_000 });
      expect(isRight).toBe(true);
    },
  );
});

interface Exchange {
  version?: 4 | 6;
  /** In each direction. */
  bytes?: number;
  by?: 'stack' | 'kernel';
}

/** Sends in both directions at once. `isRight`: whether all bytes arrived unchanged. */
async function exchange(
  options: FixtureOptions,
  path: PathOptions,
  { version = 4, bytes = BYTES, by = 'stack' }: Exchange,
): Promise<{ seconds: number; isRight: boolean }> {
  const fixture = createFixture(options, path);
  const { network } = fixture;
  const { stack, kernel } = await connect(fixture, by, version);
  const started = network.now;
  const up = new Sender(stack, bytes);
  const upEnd = new Receiver(kernel);
  const down = new Sender(kernel, bytes);
  const downEnd = new Receiver(stack);
  network.programs.push(up, upEnd, down, downEnd);
  await network.run(() => upEnd.isOver && downEnd.isOver, LIMIT_MS);
  expect([stack.error, kernel.error]).toEqual([undefined, undefined]);
  expect([upEnd.received, downEnd.received]).toEqual([bytes, bytes]);
  return {
    seconds: (network.now - started) / 1000,
    isRight: upEnd.digest() === up.digest() && downEnd.digest() === down.digest(),
  };
}
