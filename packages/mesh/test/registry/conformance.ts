/**
 * Tests that every registry must pass with a real server. Each registry calls `describeRegistry`
 * with its own fixture.
 *
 * @module
 */
/* oxlint-disable vitest/valid-title, vitest/no-standalone-expect, vitest/require-hook, vitest/require-top-level-describe --
   a suite made from arguments */
import { parseCidr } from '@litz/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RecordError, type NodeRecord } from '../../src/record/node-record.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { keyOf, recordOf } from '../records.ts';
import { RecordingListener } from './recording-listener.ts';

/**
 * A real registry on this machine, with functions that change it without Litz, as an administrator
 * would.
 */
export interface RegistryFixture {
  /** Returns a new client with each call, because every node has its own. The suite closes it. */
  open(): Promise<Registry>;
  /** Returns a text that changes with each write of the record of the node `name`. */
  version(name: string): Promise<string>;
  /** Adds a field to the record that Litz does not know. */
  addUnknownField(name: string): Promise<void>;
  hasUnknownField(name: string): Promise<boolean>;
  /** Writes a record that cannot be used. */
  writeBadRecord(name: string): Promise<void>;
  deleteByHand(name: string): Promise<void>;
  /** Makes the registry unreachable. */
  breakOff(): Promise<void>;
  /** Makes the registry reachable again, with its content. */
  mend(): Promise<void>;
  /** Deletes all records. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** @param start makes the fixture, once for all tests */
export function describeRegistry(title: string, start: () => Promise<RegistryFixture>): void {
  describe(`${title} as a registry`, () => {
    let fixture: RegistryFixture;
    const opened: Registry[] = [];

    const open = async (): Promise<Registry> => {
      const registry = await fixture.open();
      opened.push(registry);
      return registry;
    };
    const follow = async (): Promise<RecordingListener> => {
      const listener = new RecordingListener();
      (await open()).follow(listener);
      await listener.until(({ syncs }) => syncs === 1);
      return listener;
    };
    const publish = async (record: NodeRecord): Promise<Registry> => {
      const registry = await open();
      await registry.publish(record);
      return registry;
    };

    beforeAll(async () => {
      fixture = await start();
    });
    beforeEach(() => fixture.clear());
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((registry) => registry.close()));
    });
    afterAll(() => fixture?.close());

    test('reports an empty registry as empty', async () => {
      expect((await follow()).heard.filter(({ what }) => what !== 'connection')).toEqual([
        { what: 'sync', names: [] },
      ]);
    });

    test('reports all existing records in the first sync', async () => {
      await publish(recordOf(1));
      await publish(recordOf(2));
      const listener = await follow();
      const said = listener.heard.filter(({ what }) => what !== 'connection');
      expect(said).toEqual([{ what: 'sync', names: ['n1', 'n2'] }]);
      expect(listener.records.get('n1')).toEqual(recordOf(1));
    });

    test('reports a new node and its changes, with every field', async () => {
      const listener = await follow();
      const registry = await publish(recordOf(1));
      await listener.until(({ records }) => records.has('n1'));
      const rotating = recordOf(1, {
        addresses: ['2001:db8::1', '192.0.2.1'],
        keys: [
          { publicKey: keyOf(1), generation: 3, createdAt: 1_760_000_000_000 },
          { publicKey: keyOf(9), generation: 4, createdAt: 1_760_000_500_000 },
        ],
        prefixes: [parseCidr('10.244.1.0/24'), parseCidr('fd00:1::/64')],
      });
      await registry.publish(rotating);
      await listener.until(({ records }) => keysOf(records.get('n1')) === 2);
      const read = listener.records.get('n1') as NodeRecord;
      expect({ ...read, addresses: read.addresses.toSorted() }).toEqual({
        ...rotating,
        addresses: rotating.addresses.toSorted(),
      });
    });

    test('reports many changes of a record in their order', async () => {
      const listener = await follow();
      const registry = await open();
      for (let generation = 1; generation <= 20; generation++) {
        const key = { publicKey: keyOf(generation), generation, createdAt: 1_760_000_000_000 };
        await registry.publish(recordOf(1, { keys: [key] }));
      }
      await listener.until(({ records }) => generationOf(records.get('n1')) === 20);
      const told = listener.heard.flatMap((event) =>
        event.what === 'record' ? [generationOf(event.record)] : [],
      );
      expect(told).toEqual(told.toSorted((a, b) => a - b));
    });

    test('writes a changed record, and nothing if the record is unchanged', async () => {
      const registry = await publish(recordOf(1));
      const version = await fixture.version('n1');
      await registry.publish(recordOf(1));
      expect(await fixture.version('n1')).toBe(version);
      await registry.publish(recordOf(1, { prefixes: [parseCidr('10.244.9.0/24')] }));
      expect(await fixture.version('n1')).not.toBe(version);
    });

    test('writes nothing after a restart of the agent if the record is unchanged', async () => {
      await (await publish(recordOf(1))).close();
      const version = await fixture.version('n1');
      await publish(recordOf(1));
      expect(await fixture.version('n1')).toBe(version);
    });

    test('keeps unknown fields of a record', async () => {
      const registry = await publish(recordOf(1));
      await fixture.addUnknownField('n1');
      await registry.publish(recordOf(1, { prefixes: [parseCidr('10.244.9.0/24')] }));
      expect(await fixture.hasUnknownField('n1')).toBe(true);
    });

    test('reports a bad record with the name of its bad field, and continues with the other records', async () => {
      const listener = await follow();
      await fixture.writeBadRecord('n1');
      await listener.until(({ records }) => records.has('n1'));
      const error = listener.records.get('n1') as RecordError;
      expect(error).toBeInstanceOf(RecordError);
      expect(error.node).toBe('n1');
      expect(error.field).not.toBe('');
      await publish(recordOf(2));
      await listener.until(({ records }) => records.has('n2'));
      await publish(recordOf(1));
      await listener.until(({ records }) => generationOf(records.get('n1')) === 1);
    });

    test('reports a bad record in the first sync too', async () => {
      await fixture.writeBadRecord('n1');
      await publish(recordOf(2));
      const { records } = await follow();
      expect(records.get('n1')).toBeInstanceOf(RecordError);
      expect(records.get('n2')).toEqual(recordOf(2));
    });

    test('reports a withdrawn node as deleted', async () => {
      const registry = await publish(recordOf(1));
      const listener = await follow();
      await registry.withdraw('n1');
      await listener.until(({ records }) => !records.has('n1'));
      expect(listener.why('n1')).toBe('deleted');
      expect((await follow()).records.has('n1')).toBe(false);
    });

    test('accepts a withdrawn node again', async () => {
      const registry = await publish(recordOf(1));
      await registry.withdraw('n1');
      const listener = await follow();
      await publish(recordOf(1));
      await listener.until(({ records }) => records.has('n1'));
      expect(listener.records.get('n1')).toEqual(recordOf(1));
    });

    test('throws no error when it withdraws a node that does not exist', async () => {
      const registry = await open();
      await registry.withdraw('n1');
      expect((await follow()).records.has('n1')).toBe(false);
    });

    test('reports `deleted` for a record that an administrator has deleted', async () => {
      await publish(recordOf(1));
      await publish(recordOf(2));
      const listener = await follow();
      await fixture.deleteByHand('n1');
      await listener.until(({ records }) => !records.has('n1'));
      expect(listener.why('n1')).toBe('deleted');
      expect(listener.records.has('n2')).toBe(true);
    });

    test('keeps all records and reports a trouble while it cannot be reached, and continues afterwards', async () => {
      await publish(recordOf(1));
      const listener = await follow();
      await fixture.breakOff();
      try {
        await listener.until(({ trouble }) => trouble !== undefined);
        await expect(publish(recordOf(3))).rejects.toThrow(/./);
      } finally {
        await fixture.mend();
      }
      await listener.until(({ trouble, heard }) => heard.length > 1 && trouble === undefined);
      await publish(recordOf(2));
      await listener.until(({ records }) => records.has('n2'));
      expect(listener.heard.filter(({ what }) => what === 'gone')).toEqual([]);
      expect(listener.records.get('n1')).toEqual(recordOf(1));
    }, 60_000);

    test('can be followed only once', async () => {
      const registry = await open();
      registry.follow(new RecordingListener());
      expect(() => registry.follow(new RecordingListener())).toThrow(/follow/);
    });

    test('reports nothing after it was closed, and can be closed twice', async () => {
      const registry = await open();
      const listener = new RecordingListener();
      registry.follow(listener);
      await listener.until(({ syncs }) => syncs === 1);
      await registry.close();
      const other = await follow();
      const said = listener.heard.length;
      await publish(recordOf(1));
      await other.until(({ records }) => records.has('n1'));
      await registry.close();
      expect(listener.heard).toHaveLength(said);
    });

    test('can be closed before it has answered', async () => {
      const registry = await open();
      const listener = new RecordingListener();
      registry.follow(listener);
      await registry.close();
      expect(listener.syncs).toBeLessThanOrEqual(1);
    });

    test('has a description for messages, and valid addresses', async () => {
      const registry = await open();
      expect(registry.description).not.toBe('');
      for (const { address, port } of await registry.addresses()) {
        expect(address).toMatch(/^[\d.:a-f]+$/);
        expect(port).toBeGreaterThan(0);
      }
    });
  });
}

function keysOf(record: NodeRecord | RecordError | undefined): number {
  return record === undefined || record instanceof RecordError ? 0 : record.keys.length;
}

function generationOf(record: NodeRecord | RecordError | undefined): number {
  if (record === undefined || record instanceof RecordError) return 0;
  return record.keys.at(-1)!.generation;
}
