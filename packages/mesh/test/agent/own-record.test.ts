import { describe, expect, it } from 'vitest';
import { EventLog } from '../../src/agent/event-log.ts';
import { OwnRecord } from '../../src/agent/own-record.ts';
import { recordOf } from '../records.ts';
import { gate } from './agent-fixture.ts';

describe('OwnRecord', () => {
  it('stays out of the registry if the node was removed during a write', async () => {
    const step = gate();
    const { own, events, published } = create(() => step.shut);
    own.sync(undefined);
    own.want(recordOf(1));
    own.gone({ isRemoved: true });
    step.open();
    await new Promise((resolve) => setImmediate(resolve));
    expect([own.isStored, published()]).toEqual([false, 0]);
    expect(events.troubleOf('own record')).toContain('this node was removed from the registry');
  });

  it('stays out of the registry after the node was removed, until a complete list has its record again', () => {
    const { own, events, published } = create();
    own.sync(recordOf(1));
    own.want(recordOf(1));
    own.gone({ isRemoved: true });
    own.sync(undefined);
    own.want(recordOf(1));
    expect([own.isStored, published()]).toEqual([false, 0]);

    own.sync(recordOf(1));
    expect(own.isStored).toBe(true);
    expect(events.troubleOf('own record')).toBeUndefined();
  });
});

function create(publish: () => Promise<void> = async () => {}): {
  own: OwnRecord;
  events: EventLog;
  /** How often a record was published. */
  published: () => number;
} {
  let times = 0;
  const events = new EventLog(
    () => {},
    () => 0,
  );
  const own = new OwnRecord({ registry: { publish }, events, onPublished: () => times++ });
  return { own, events, published: () => times };
}
