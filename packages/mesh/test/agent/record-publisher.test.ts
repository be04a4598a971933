import { describe, expect, it } from 'vitest';
import { RecordPublisher } from '../../src/agent/record-publisher.ts';
import type { NodeRecord } from '../../src/record/node-record.ts';
import { recordOf } from '../records.ts';

function publisher(): { published: NodeRecord[]; records: RecordPublisher } {
  const published: NodeRecord[] = [];
  const records = new RecordPublisher({
    registry: {
      publish: async (record) => {
        published.push(record);
        await Promise.resolve();
      },
    },
    onTrouble: () => {},
    onPublished: () => {},
  });
  return { published, records };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('RecordPublisher', () => {
  it('publishes an unchanged record once, so that the registry renews the lease of an earlier process', async () => {
    const { published, records } = publisher();
    records.seen(recordOf(1));
    records.want(recordOf(1));
    await settled();
    expect(published).toHaveLength(1);
    records.seen(recordOf(1));
    records.want(recordOf(1));
    await settled();
    expect(published).toHaveLength(1);
  });

  it('publishes again what was dropped', async () => {
    const { published, records } = publisher();
    records.want(recordOf(1));
    await settled();
    records.drop();
    records.seen(recordOf(1));
    records.want(recordOf(1));
    await settled();
    expect(published).toHaveLength(2);
  });
});
