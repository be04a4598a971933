import { describe, expect, it } from 'vitest';
import { EventLog } from '../../src/agent/event-log.ts';
import { OwnRecord } from '../../src/agent/own-record.ts';
import { recordOf } from '../records.ts';
import { gate } from './agent-fixture.ts';

describe('OwnRecord', () => {
  it('stays out if the node was removed during a write', async () => {
    const step = gate();
    const events = new EventLog(
      () => {},
      () => 0,
    );
    let published = 0;
    const own = new OwnRecord({
      registry: { publish: () => step.shut },
      events,
      onPublished: () => published++,
    });
    own.sync(undefined);
    own.want(recordOf(1));
    own.gone({ isRemoved: true });
    step.open();
    await new Promise((resolve) => setImmediate(resolve));
    expect([own.isStored, published]).toEqual([false, 0]);
    expect(events.troubleOf('own record')).toContain('this node was removed from the registry');
  });
});
