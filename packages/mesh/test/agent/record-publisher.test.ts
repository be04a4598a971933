import { describe, expect, it, onTestFinished, vi } from 'vitest';
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
  it('publishes a record once even if it is unchanged, because the lease of an earlier process must be taken over', async () => {
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

  it('publishes a dropped record again', async () => {
    const { published, records } = publisher();
    records.want(recordOf(1));
    await settled();
    records.drop();
    records.seen(recordOf(1));
    records.want(recordOf(1));
    await settled();
    expect(published).toHaveLength(2);
  });

  it('writes a refused record again only after the pause, however often it is requested', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    let tries = 0;
    const records = new RecordPublisher({
      registry: {
        publish: async () => {
          tries++;
          await Promise.resolve();
          throw new Error('no');
        },
      },
      onTrouble: () => {},
      onPublished: () => {},
    });
    for (let ms = 0; ms < 60_000; ms += 50) {
      records.want(recordOf(1));
      await vi.advanceTimersByTimeAsync(50);
    }
    // Attempts are made at 0, 1, 3, 7, 15 and 31 s.
    expect(tries).toBe(6);
    records.want(recordOf(1, { port: 7 }));
    await vi.advanceTimersByTimeAsync(0);
    expect(tries).toBe(7);
    records.close();
  });
});
