import { setTimeout as sleep } from 'node:timers/promises';
import { describeWith, TcpRelay } from '@litz/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EtcdRegistry } from '../../../src/registry/etcd/etcd-registry.ts';
import { recordOf } from '../../records.ts';
import { follow, type RecordingListener } from '../recording-listener.ts';
import { EtcdAdministrator } from './etcd-administrator.ts';
import { etcdProgram, RealEtcd } from './real-etcd.ts';

const RECORDS = 'litz/nodes/v1/';
const LEASE_SECONDS = 2;

describeWith([etcdProgram], 'EtcdRegistry', () => {
  let etcd: RealEtcd;
  let administrator: EtcdAdministrator;
  const registries: EtcdRegistry[] = [];
  const relays: TcpRelay[] = [];

  const open = (port = etcd.port, leaseSeconds = 60): EtcdRegistry => {
    const url = `etcd://127.0.0.1:${port}`;
    const registry = new EtcdRegistry(url, { leaseSeconds, random: () => 0 });
    registries.push(registry);
    return registry;
  };
  const relay = (): TcpRelay => {
    const made = TcpRelay.open(etcd.port);
    relays.push(made);
    return made;
  };

  beforeAll(async () => {
    etcd = await RealEtcd.start();
    administrator = new EtcdAdministrator(etcd.administrationPort);
  });
  beforeEach(() => administrator.deleteAll());
  afterEach(async () => {
    for (const registry of registries.splice(0)) await registry.close();
    for (const one of relays.splice(0)) one.close();
  });
  afterAll(() => etcd?.close());

  describe('whose connection was interrupted', () => {
    test('lists again after a compaction, misses no change, and reports no present node as gone', async () => {
      const way = relay();
      for (const n of [1, 2, 3]) await open().publish(recordOf(n));
      const listener = follow(open(way.port));
      await listener.until(({ syncs }) => syncs === 1);
      way.block();
      await open().publish(recordOf(1, { port: 4000 }));
      await administrator.delete(`${RECORDS}n2`);
      await open().publish(recordOf(4));
      await administrator.compact();
      const before = listener.heard.length;
      way.unblock();
      await listener.until(({ syncs }) => syncs === 2);
      const heard = listener.heard.slice(before).filter(({ what }) => what !== 'connection');
      expect(heard).toEqual([
        { what: 'gone', name: 'n2', why: expect.any(String) },
        { what: 'sync', names: ['n1', 'n3', 'n4'] },
      ]);
      expect(portOf(listener, 'n1')).toBe(4000);
      await open().publish(recordOf(5));
      await listener.until(({ records }) => records.has('n5'));
    });

    test('continues from its last revision, without a new list, if nothing was compacted', async () => {
      const way = relay();
      await open().publish(recordOf(1));
      const listener = follow(open(way.port));
      await listener.until(({ syncs }) => syncs === 1);
      way.block();
      await open().publish(recordOf(2));
      way.unblock();
      await listener.until(({ records }) => records.has('n2'));
      expect(listener.syncs).toBe(1);
    });
  });

  describe('when etcd is killed', () => {
    test('continues after a restart with the same content, and renews its lease', async () => {
      const writer = open(etcd.port, LEASE_SECONDS);
      const listener = follow(writer);
      await writer.publish(recordOf(1));
      await listener.until(({ records }) => records.has('n1'));
      const before = await administrator.read(`${RECORDS}n1`);
      await etcd.killServer();
      await listener.until(({ trouble }) => trouble !== undefined);
      await etcd.startServer();
      await listener.until(({ trouble }) => trouble === undefined);
      await sleep(LEASE_SECONDS * 1500);
      expect(await administrator.read(`${RECORDS}n1`)).toEqual(before);
      expect(listener.heard.filter(({ what }) => what === 'gone')).toEqual([]);
    });

    test('writes its own record again after a restart without content, and reports no node as deleted', async () => {
      const [one, two] = [open(), open()];
      await two.publish(recordOf(2));
      const [ofOne, ofTwo] = [follow(one), follow(two)];
      await one.publish(recordOf(1));
      // These writes raise the revision, so that the empty etcd has a lower one afterwards.
      for (let i = 0; i < 20; i++) await administrator.put('else', String(i));
      for (const listener of [ofOne, ofTwo]) {
        await listener.until(({ records }) => records.size === 2);
      }
      await etcd.replace();
      for (const listener of [ofOne, ofTwo]) {
        await listener.until(({ syncs, records }) => syncs > 1 && records.size === 2);
        expect(listener.heard.filter((event) => isDeletion(event))).toEqual([]);
      }
      await one.publish(recordOf(1, { port: 4000 }));
      await ofTwo.until((listener) => portOf(listener, 'n1') === 4000);
      expect((await administrator.read(`${RECORDS}n1`))?.lease).not.toBe('0');
    });
  });

  test('reports records as expired, not deleted, while etcd is frozen for longer than the lease, and then reports them again', async () => {
    const [one, two] = [open(etcd.port, LEASE_SECONDS), open(etcd.port, LEASE_SECONDS)];
    const [ofOne, ofTwo] = [follow(one), follow(two)];
    await one.publish(recordOf(1));
    await two.publish(recordOf(2));
    await ofOne.until(({ records }) => records.size === 2);
    await ofTwo.until(({ records }) => records.size === 2);
    etcd.freeze();
    await sleep(LEASE_SECONDS * 2000);
    etcd.thaw();
    await sleep(LEASE_SECONDS * 1500);
    for (const listener of [ofOne, ofTwo]) {
      await listener.until(({ records }) => records.size === 2);
      expect(listener.heard.filter((event) => isDeletion(event))).toEqual([]);
    }
    for (const name of ['n1', 'n2']) {
      expect((await administrator.read(RECORDS + name))?.lease).not.toBe('0');
    }
  }, 60_000);

  describe('with leases', () => {
    test('gets a new lease after an administrator revoked its lease, and writes its record again once', async () => {
      const writer = open();
      const listener = follow(writer);
      await writer.publish(recordOf(1));
      await listener.until(({ records }) => records.has('n1'));
      const { lease } = (await administrator.read(`${RECORDS}n1`))!;
      await administrator.revokeLease(lease);
      await listener.until(() => listener.why('n1') !== undefined);
      await listener.until(({ records }) => records.has('n1'));
      expect(listener.why('n1')).toBe('expired');
      const again = (await administrator.read(`${RECORDS}n1`))!;
      expect(again.version).toBe('1');
      expect(again.lease).not.toBe(lease);
    });

    test('reports a record as expired if its lease ended while the connection was cut, and writes it again afterwards', async () => {
      const way = relay();
      const writer = open(way.port, LEASE_SECONDS);
      const listener = follow(open());
      follow(writer);
      await writer.publish(recordOf(1));
      await listener.until(({ records }) => records.has('n1'));
      way.block();
      await listener.until(() => listener.why('n1') !== undefined);
      expect(listener.why('n1')).toBe('expired');
      way.unblock();
      await listener.until(({ records }) => records.has('n1'));
      expect((await administrator.read(`${RECORDS}n1`))?.version).toBe('1');
    });

    test('keeps the lease of an earlier agent alive, without a write', async () => {
      const before = open(etcd.port, LEASE_SECONDS);
      await before.publish(recordOf(1));
      await before.close();
      const { modRevision, lease } = (await administrator.read(`${RECORDS}n1`))!;
      const after = open(etcd.port, LEASE_SECONDS);
      await after.publish(recordOf(1));
      await sleep(LEASE_SECONDS * 1500);
      expect(await administrator.read(`${RECORDS}n1`)).toMatchObject({ modRevision, lease });
    });
  });

  test('does not write a removed record again when its lease is lost too', async () => {
    const writers = [open(etcd.port, LEASE_SECONDS), open(etcd.port, LEASE_SECONDS)] as const;
    const listeners = [follow(open()), ...writers.map(follow)];
    await writers[0].publish(recordOf(1));
    await writers[1].publish(recordOf(2));
    for (const listener of listeners) await listener.until(({ records }) => records.size === 2);
    await administrator.delete(`${RECORDS}n1`);
    await open().withdraw('n2');
    for (const listener of listeners) {
      await listener.until(() => listener.why('n1') === 'deleted');
      await listener.until(() => listener.why('n2') === 'deleted');
    }
    await sleep(LEASE_SECONDS * 2000);
    for (const { records } of listeners) expect(records.size).toBe(0);
    expect(await administrator.read(`${RECORDS}n1`)).toBeUndefined();
    expect(JSON.parse((await administrator.read(`${RECORDS}n2`))!.value).revoked).toBe(true);
  });
});

function portOf({ records }: RecordingListener, name: string): number | undefined {
  return (records.get(name) as { port?: number } | undefined)?.port;
}

function isDeletion(event: RecordingListener['heard'][number]): boolean {
  return event.what === 'gone' && event.why === 'deleted';
}
