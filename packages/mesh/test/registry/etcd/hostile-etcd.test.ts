/**
 * Tests of a broken or hostile etcd: its answers must not use much memory or time of the agent, and
 * must have no effect after the server is honest again.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import type { EtcdApi, EtcdWatch } from '../../../src/registry/etcd/etcd-client.ts';
import {
  rangeResponse,
  type KeyValue,
  type RangeResponse,
  type WatchResponse,
} from '../../../src/registry/etcd/etcd-messages.ts';
import { bytesOf } from '../../../src/registry/etcd/key-bytes.ts';
import { KeyWatch } from '../../../src/registry/etcd/key-watch.ts';
import { RecordLease } from '../../../src/registry/etcd/record-lease.ts';
import { ManualClock, until } from '../../manual-clock.ts';

const PREFIX = 'litz/nodes/v1/';

describe('KeyWatch', () => {
  test.each<[string, (asked: number) => Partial<RangeResponse>]>([
    ['repeats itself', () => ({ kvs: [keyValue('a', 1n)], more: true })],
    ['goes back', (asked) => ({ kvs: [keyValue(`a${9 - asked}`, 1n)], more: true })],
    [
      'never ends',
      (asked) => ({
        kvs: Array.from({ length: 9999 }, (_, i) => keyValue(`${asked}-${i}`, 1n)),
        more: true,
      }),
    ],
    [
      'never ends, with names so long that they are cut',
      (asked) => ({
        kvs: Array.from({ length: 9999 }, (_, i) =>
          keyValue(`${'x'.repeat(300)}${asked}-${i}`, 1n),
        ),
        more: true,
      }),
    ],
  ])('ends a list that %s, and reads the next one', async (_, answer) => {
    const { api, heard, clock } = follow(answer);
    await until(() => heard.length === 1);
    expect(heard).toEqual(['trouble the list of keys repeats itself or has more than 50000 keys']);
    expect(api.asked).toBeLessThan(8);
    api.answer = () => ({ kvs: [keyValue('b', 7n)] });
    clock.advance(clock.waits[0]);
    await until(() => heard.at(-1) === 'list b, same');
  });

  test.each([2n ** 63n - 1n, 2n ** 62n + 1n, -1n])(
    'refuses a list of revision %i',
    async (revision) => {
      const { api, heard, clock } = follow(() => ({ header: { clusterId: 1n, revision } }));
      await until(() => heard.length === 1);
      expect(heard[0]).toBe(`trouble etcd has an impossible revision: ${revision}`);
      api.answer = () => ({ header: { clusterId: 1n, revision: 5n }, kvs: [] });
      clock.advance(clock.waits[0]);
      await until(() => api.watches.length === 1);
      expect(heard.at(-1)).toBe('list , same');
    },
  );

  test('lists again if the revision of etcd is lower than the revision of an earlier event', async () => {
    const { api, heard, clock } = follow();
    await until(() => api.watches.length === 1);
    api.tell({ created: true, header: { clusterId: 1n, revision: 5n } });
    api.tell({ events: [{ type: 0, kv: keyValue('x', 2n ** 62n) }] });
    await until(() => heard.includes('put x'));
    api.watches[0].close();
    await until(() => clock.waits.length === 1);
    clock.advance(clock.waits[0]);
    await until(() => api.watches.length === 2);
    expect(api.startRevisions).toEqual([6n, 2n ** 62n]);
    api.tell({ created: true, header: { clusterId: 1n, revision: 6n } });
    await until(() => clock.waits.length === 1);
    clock.advance(clock.waits[0]);
    await until(() => heard.at(-1) === 'list , other');
  });

  test('continues from its last revision after an event with an impossible revision', async () => {
    const { api, heard, clock } = follow();
    await until(() => api.watches.length === 1);
    api.tell({ created: true, header: { clusterId: 1n, revision: 5n } });
    api.tell({ events: [{ type: 0, kv: keyValue('x', 2n ** 63n - 1n) }] });
    await until(() => heard.some((line) => line.startsWith('trouble etcd has an impossible')));
    clock.advance(clock.waits[0]);
    await until(() => api.watches.length === 2);
    expect(heard).not.toContain('put x');
    expect(api.startRevisions).toEqual([6n, 6n]);
  });
});

describe('messageCodec', () => {
  test('refuses a list of too many empty items, because an item is larger in memory than in the message', () => {
    const bytes = new Uint8Array(2 * 60_000);
    for (let at = 0; at < bytes.length; at += 2) bytes[at] = 0x12;
    expect(() => rangeResponse.decode(bytes)).toThrow('"kvs" has more than 50000 items');
    expect(rangeResponse.decode(bytes.subarray(0, 1000)).kvs).toHaveLength(500);
  });
});

describe('RecordLease', () => {
  test('is renewed in time, whatever lifetime the server grants', async () => {
    const clock = new ManualClock();
    const api = { grantLease: async () => ({ id: 1n, ttl: 2n ** 62n }) } as unknown as EtcdApi;
    const lease = new RecordLease(api, { seconds: 900, clock, onLost: fail, onTrouble: fail });
    await lease.hold();
    expect(clock.waits).toEqual([300_000]);
    lease.close();
  });
});

function fail(): never {
  throw new Error('called');
}

function keyValue(name: string, modRevision: bigint): KeyValue {
  return { key: bytesOf(PREFIX + name), value: bytesOf('{}'), modRevision, lease: 0n };
}

/** An etcd in memory whose answers a test sets. */
class FakeEtcd {
  asked = 0;
  answer: (asked: number) => Partial<RangeResponse> = () => ({});
  readonly watches: EtcdWatch[] = [];
  readonly startRevisions: (bigint | undefined)[] = [];
  #next: ((response: WatchResponse | undefined) => void) | undefined;
  #waiting: WatchResponse[] = [];

  readonly api = {
    range: async () => {
      const header = { clusterId: 1n, revision: 5n };
      return { header, kvs: [], more: false, ...this.answer(++this.asked) };
    },
    watch: async ({ startRevision }: { startRevision?: bigint }) => {
      this.startRevisions.push(startRevision);
      this.#waiting = [];
      const watch: EtcdWatch = {
        next: async () =>
          this.#waiting.shift() ??
          new Promise((resolve) => {
            this.#next = resolve;
          }),
        askProgress() {},
        close: () => this.#next?.(undefined),
      };
      this.watches.push(watch);
      return watch;
    },
  } as unknown as EtcdApi;

  tell(response: Partial<WatchResponse>): void {
    const whole: WatchResponse = {
      header: undefined,
      watchId: 0n,
      created: false,
      canceled: false,
      compactRevision: 0n,
      cancelReason: '',
      fragment: false,
      events: [],
      ...response,
    };
    const next = this.#next;
    this.#next = undefined;
    if (next) next(whole);
    else this.#waiting.push(whole);
  }
}

function follow(answer: FakeEtcd['answer'] = () => ({})): {
  api: FakeEtcd;
  heard: string[];
  clock: ManualClock;
} {
  const api = new FakeEtcd();
  api.answer = answer;
  const clock = new ManualClock();
  const heard: string[] = [];
  new KeyWatch(
    api.api,
    PREFIX,
    {
      read: () => ({}) as never,
      onList: async ({ values, isSameHistory }) =>
        void heard.push(`list ${[...values.keys()].join()}, ${isSameHistory ? 'same' : 'other'}`),
      onPut: (name) => heard.push(`put ${name}`),
      onDeleted: async (name) => void heard.push(`deleted ${name}`),
      onTrouble: (trouble) => trouble !== undefined && heard.push(`trouble ${trouble}`),
    },
    { clock, random: () => 0.25 },
  ).start();
  return { api, heard, clock };
}
