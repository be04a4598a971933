import { describe, expect, test } from 'vitest';
import type { NodeRecord } from '../../../src/record/node-record.ts';
import { NATIVE_FORMAT, writeRecordText } from '../../../src/record/record-format.ts';
import type { EtcdApi } from '../../../src/registry/etcd/etcd-client.ts';
import type { KeyValue } from '../../../src/registry/etcd/etcd-messages.ts';
import { bytesOf } from '../../../src/registry/etcd/key-bytes.ts';
import { LeasedRecord } from '../../../src/registry/etcd/leased-record.ts';
import { ManualClock } from '../../manual-clock.ts';
import { recordOf } from '../../records.ts';

describe('LeasedRecord in etcd', () => {
  test('does not create a key again if it was deleted during the write', async () => {
    const { own, state } = setUp();
    state.beforeWrite = () => {
      state.value = undefined;
      state.beforeWrite = () => {};
    };
    const written = own.publish(recordOf(1, { port: 51999 }));
    await expect(written).rejects.toThrow(/n1 cannot be written in etcd: the record was removed/);
    expect(state.value).toBeUndefined();
    await own.publish(recordOf(1, { port: 51999 }));
    expect(state.value).toBeDefined();
    own.close();
  });

  test.each([
    [
      'while the record is written',
      (change: () => void, state: Store) => (state.beforeWrite = change),
    ],
    ['after the record was written', (change: () => void) => change()],
  ])('keeps a revocation by an administrator %s', async (_, revoke) => {
    const { own, state } = setUp();
    await own.publish(recordOf(1));
    const text = writeRecordText(NATIVE_FORMAT, recordOf(1, { revoked: true }), undefined)!;
    revoke(() => {
      state.beforeWrite = () => {};
      state.value = { ...state.value!, value: bytesOf(text), modRevision: 99n };
    }, state);
    const written = own.publish(recordOf(1, { port: 51999 }));
    await expect(written).rejects.toThrow(/n1 cannot be written in etcd: the record was removed/);
    expect(Buffer.from(state.value!.value).toString()).toBe(text);
    own.close();
  });

  test('overwrites a revocation from before the start of this process', async () => {
    const { own, state } = setUp({ revoked: true });
    await own.publish(recordOf(1));
    expect(Buffer.from(state.value!.value).toString()).toContain('"revoked":false');
    own.close();
  });

  test('overwrites a change that another writer makes during the write', async () => {
    const { own, state } = setUp();
    state.beforeWrite = () => {
      state.value = { ...state.value!, modRevision: 8n };
      state.beforeWrite = () => {};
    };
    await own.publish(recordOf(1, { port: 51999 }));
    expect(Buffer.from(state.value!.value).toString()).toContain('51999');
    own.close();
  });
});

interface Store {
  /** The only key with its value; undefined: it was deleted. */
  value: KeyValue | undefined;
  beforeWrite: () => void;
}

/** Makes a `LeasedRecord` for an etcd that has a record of `n1`. */
function setUp(more: Partial<NodeRecord> = {}): { own: LeasedRecord; state: Store } {
  const text = writeRecordText(NATIVE_FORMAT, recordOf(1, more), undefined)!;
  const key = bytesOf('nodes/n1');
  const state: Store = {
    value: { key, value: bytesOf(text), modRevision: 7n, lease: 5n },
    beforeWrite: () => {},
  };
  let revision = 10n;
  const api: Pick<EtcdApi, 'range' | 'txn' | 'grantLease' | 'keepLeaseAlive'> = {
    range: async () => ({ header: undefined, kvs: state.value ? [state.value] : [], more: false }),
    txn: async ({ compare: [compare], success: [op] }) => {
      state.beforeWrite();
      const header = { clusterId: 1n, revision: ++revision };
      const succeeded = compare.modRevision === (state.value?.modRevision ?? 0n);
      if (!succeeded) return { header, succeeded };
      const { value = new Uint8Array(), lease = 0n } = op.put;
      state.value = { key, value, modRevision: revision, lease };
      return { header, succeeded };
    },
    grantLease: async () => ({ id: 6n, ttl: 900n }),
    keepLeaseAlive: async (id) => ({ id, ttl: 900n }),
  };
  const own = new LeasedRecord(api as EtcdApi, {
    prefix: 'nodes/',
    format: NATIVE_FORMAT,
    leaseSeconds: 900,
    onTrouble: () => {},
    clock: new ManualClock(),
  });
  return { own, state };
}
