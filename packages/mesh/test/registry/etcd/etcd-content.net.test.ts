import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCidr } from '@litz/core';
import { describeWith } from '@litz/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { NATIVE_FORMAT, writeRecordText } from '../../../src/record/record-format.ts';
import { RecordError, type NodeRecord } from '../../../src/record/node-record.ts';
import {
  EtcdRegistry,
  type EtcdRegistryOptions,
} from '../../../src/registry/etcd/etcd-registry.ts';
import { keyOf, recordOf } from '../../records.ts';
import { follow, type RecordingListener } from '../recording-listener.ts';
import { EtcdAdministrator } from './etcd-administrator.ts';
import { etcdProgram, RealEtcd } from './real-etcd.ts';

const RECORDS = 'litz/nodes/v1/';
const NODES = 'cilium/state/nodes/v1/blue/';
const MEGABYTE = 1024 * 1024;

describeWith([etcdProgram], 'EtcdRegistry and the content of etcd', () => {
  let etcd: RealEtcd;
  let administrator: EtcdAdministrator;
  const registries: EtcdRegistry[] = [];

  const open = (options: EtcdRegistryOptions = {}): EtcdRegistry => {
    const registry = new EtcdRegistry(etcd.url, { random: () => 0, ...options });
    registries.push(registry);
    return registry;
  };

  beforeAll(async () => {
    etcd = await RealEtcd.start();
    administrator = new EtcdAdministrator(etcd.administrationPort);
  });
  beforeEach(() => administrator.deleteAll());
  afterEach(async () => {
    for (const registry of registries.splice(0)) await registry.close();
  });
  afterAll(() => etcd?.close());

  describe('with nodes of Cilium', () => {
    const blue: EtcdRegistryOptions = { format: 'cilium', cluster: 'blue' };
    const full = fixture('full');
    const small = fixture('small');

    beforeEach(async () => {
      full['FieldOfLaterVersion'] = { a: [1, { b: null }], c: '🜁' };
      await administrator.put(`${NODES}worker-1`, JSON.stringify(full));
      await administrator.put(`${NODES}worker-2`, JSON.stringify(small));
    });

    test('keeps every foreign field when it rewrites a node', async () => {
      const registry = open(blue);
      const listener = follow(registry);
      await listener.until(({ records }) => records.size === 2);
      const read = listener.records.get('worker-1') as NodeRecord;
      await registry.publish({ ...read, port: 51900 });
      await listener.until((heard) => portOf(heard, 'worker-1') === 51900);
      const after = JSON.parse((await administrator.read(`${NODES}worker-1`))!.value);
      const ours = ['Annotations', 'EncryptionKey', 'IPAddresses'];
      const others = Object.entries(full).filter(([field]) => !ours.includes(field));
      expect(after).toMatchObject(Object.fromEntries(others));
      expect(new Set(after.IPAddresses)).toEqual(new Set(full['IPAddresses'] as object[]));
      const { Annotations: before = {} } = full as { Annotations?: object };
      expect(after.Annotations).toMatchObject(before);
    });

    test('never changes a node without an annotation of Litz', async () => {
      const before = await administrator.read(`${NODES}worker-2`);
      const registry = open(blue);
      const listener = follow(registry);
      await listener.until(({ records }) => records.size === 2);
      expect(listener.records.get('worker-2')).not.toBeInstanceOf(RecordError);
      await registry.publish(recordOf(3));
      await registry.publish(recordOf(3, { port: 4000 }));
      await listener.until((heard) => portOf(heard, 'n3') === 4000);
      await registry.withdraw('n3');
      await listener.until(() => listener.why('n3') === 'deleted');
      expect(await administrator.read(`${NODES}worker-2`)).toEqual(before);
    });

    test('does not report nodes of another cluster, even if the name of that cluster begins in the same way', async () => {
      await administrator.put('cilium/state/nodes/v1/blue2/worker-3', JSON.stringify(full));
      const listener = follow(open(blue));
      await listener.until(({ syncs }) => syncs === 1);
      expect([...listener.records.keys()].toSorted()).toEqual(['worker-1', 'worker-2']);
    });
  });

  describe('with values that are not records', () => {
    test.each<[string, string | Buffer, string, RegExp]>([
      ['random bytes', randomFillSync(Buffer.alloc(999)), 'text', /is not JSON/],
      ['nothing', '', 'text', /is empty/],
      ['a list', '[]', 'text', /./],
      ['a number', '7', 'text', /./],
      [
        'a version of another type',
        changed({ version: 'x' }),
        'version',
        /integer .* got a string/,
      ],
      ['keys that are not a list', changed({ keys: 7 }), 'keys', /array, got a number/],
      ['a key of another type', changed({ keys: [{ publicKey: {} }] }), 'keys[0].publicKey', /./],
      [
        'a list in the list of prefixes',
        changed({ prefixes: [['10.0.0.0/8']] }),
        'prefixes[0]',
        /./,
      ],
      ['another name', changed({ name: 'n2' }), 'name', /n2/],
      ['60,000 nested brackets', '['.repeat(60_000), 'text', /is nested more than 100 levels deep/],
      ['a text of a megabyte', `"${'x'.repeat(MEGABYTE)}"`, 'text', /at most 65536 are allowed/],
      ['a port of 60,000 characters', changed({ port: 'x'.repeat(60_000) }), 'port', /./],
    ])(
      '%s: is reported with node and field, and the other records are still read',
      async (_, text, field, reason) => {
        const registry = open();
        const listener = follow(registry);
        await listener.until(({ syncs }) => syncs === 1);
        await administrator.put(`${RECORDS}n1`, text);
        await listener.until(({ records }) => records.has('n1'));
        const error = listener.records.get('n1') as RecordError;
        expect(error).toBeInstanceOf(RecordError);
        expect([error.node, error.field]).toEqual(['n1', field]);
        expect(error.reason).toMatch(reason);
        expect(error.message.length).toBeLessThan(300);
        await registry.publish(recordOf(2));
        await listener.until(({ records }) => records.has('n2'));
      },
    );

    test('reports keys that name no node, however long they are', async () => {
      const listener = follow(open());
      await listener.until(({ syncs }) => syncs === 1);
      for (const name of ['', 'a/b', 'x\ny', 'x'.repeat(MEGABYTE)]) {
        await administrator.put(RECORDS + name, '{"version":1}');
      }
      await listener.until(({ records }) => records.size === 4);
      for (const [name, record] of listener.records) {
        expect(name.length).toBeLessThan(300);
        expect(record).toMatchObject({ field: 'name' });
      }
    });

    test('does not send values that etcd would refuse', async () => {
      const tooLarge = 'x'.repeat(2 * MEGABYTE);
      await expect(administrator.put(`${RECORDS}n1`, tooLarge)).rejects.toThrow(/too large|larger/);
      const prefixes = Array.from({ length: 150_000 }, (_, i) =>
        parseCidr(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`),
      );
      await expect(open().publish(recordOf(1, { prefixes }))).rejects.toThrow(
        /n1 cannot be written .* at most 65536/,
      );
    });
  });

  test('needs little memory for 5,000 records with 24 megabytes of garbage between them', async () => {
    const entries = Array.from({ length: 5000 }, (_, i): [string, string] => {
      const text = writeRecordText(NATIVE_FORMAT, numbered(i), undefined)!;
      return [`${RECORDS}node-${i}`, text];
    });
    await administrator.putAll(entries);
    const garbage = 'x'.repeat(MEGABYTE);
    for (let i = 0; i < 24; i++) await administrator.put(`${RECORDS}node-${i}-x`, garbage);
    const before = process.memoryUsage().rss;
    let highest = before;
    const sampling = setInterval(
      () => (highest = Math.max(highest, process.memoryUsage().rss)),
      10,
    );
    const listener = follow(open());
    await listener.until(({ syncs }) => syncs === 1);
    clearInterval(sampling);
    expect(listener.records.size).toBe(5024);
    const bad = [...listener.records.values()].filter((record) => record instanceof RecordError);
    expect(bad).toHaveLength(24);
    expect((highest - before) / MEGABYTE).toBeLessThan(150);
    await open().publish(recordOf(1));
    await listener.until(({ records }) => records.has('n1'));
  }, 60_000);

  test('receives 20 megabytes that were written during an interruption, without a new list', async () => {
    const listener = follow(open());
    await listener.until(({ syncs }) => syncs === 1);
    await etcd.killServer();
    await listener.until(({ trouble }) => trouble !== undefined);
    await etcd.startServer();
    const garbage = 'x'.repeat(MEGABYTE);
    for (let i = 0; i < 20; i++) await administrator.put(`${RECORDS}node-${i}`, garbage);
    await listener.until(({ records }) => records.size === 20);
    expect(listener.syncs).toBe(1);
  }, 60_000);
});

function fixture(name: string): Record<string, unknown> {
  const folder = join(import.meta.dirname, '../../record/fixtures');
  return JSON.parse(readFileSync(join(folder, `cilium-kvstore-${name}.json`), 'utf8'));
}

/** Returns the record of `n1` as text, with changed fields. */
function changed(fields: object): string {
  const text = writeRecordText(NATIVE_FORMAT, recordOf(1), undefined)!;
  return JSON.stringify({ ...JSON.parse(text), ...fields });
}

function numbered(i: number): NodeRecord {
  return {
    ...recordOf(1),
    name: `node-${i}`,
    addresses: [`10.${i >> 8}.${i & 255}.1`],
    keys: [{ publicKey: keyOf(i), generation: 1, createdAt: 1 }],
    prefixes: [parseCidr(`172.${16 + (i >> 8)}.${i & 255}.0/24`)],
  };
}

function portOf({ records }: RecordingListener, name: string): number | undefined {
  return (records.get(name) as { port?: number } | undefined)?.port;
}
