import { parseCidr } from '@litz/core';
import { expect, it, describe } from 'vitest';
import type { DesiredHost } from '../../src/plan/desired-host.ts';
import type { NodeRecord } from '../../src/record/node-record.ts';
import { keyOf, recordOf } from '../records.ts';
import { AgentFixture, pass } from './agent-fixture.ts';

describe('Agent with 500 nodes', () => {
  it('sends a change to the daemon once, reads nothing from it, and loads no ruleset', async () => {
    const { fixture, applied } = await large();
    const { gets } = fixture.daemon;
    const before = applied.at(-1)!;
    const { length } = fixture.log;

    fixture.registry.has('n300', largeRecord(300, { port: 4242 }));
    await pass(10_000);

    expect(fixture.log.slice(length)).toEqual(['daemon: peers']);
    expect(fixture.daemon.gets).toBe(gets);
    expect(applied.at(-1)!.ruleset).toBe(before.ruleset);
  });

  it('compares only the routes of the peer that changes', async () => {
    const { fixture, applied } = await large();
    const { length } = fixture.log;
    const before = applied.at(-1)!;
    const moved = largeRecord(300, { prefixes: [parseCidr('10.250.1.0/24')] });

    fixture.registry.has('n300', moved);
    await pass(1000);

    expect(fixture.log.slice(length)).toEqual(['daemon: peers', 'host: enforce']);
    const { difference } = applied.at(-1)!;
    expect(difference?.from).toBe(before.routes);
    expect(difference?.removed.flat().map(({ key }) => key)).toEqual(['10.129.44.0/24 metric 0']);
    expect(difference?.added.flat().map(({ key }) => key)).toEqual(['10.250.1.0/24 metric 0']);
  });

  it('handles many changes at once in one round', async () => {
    const { fixture } = await large();
    const { length } = fixture.log;
    for (let i = 100; i < 200; i++) {
      fixture.registry.has(`n${i}`, largeRecord(i, { port: 4242 }));
    }
    await pass(1000);
    expect(fixture.log.slice(length)).toEqual(['daemon: peers']);
  });

  it('joins with one write of its record, and at most one of its status', async () => {
    const { fixture } = await large();
    await pass(3_600_000);
    expect(fixture.registry.written).toHaveLength(1);
    expect(fixture.registry.statuses.length).toBeLessThanOrEqual(1);
  });

  it('sends no requests while nothing changes', async () => {
    const { fixture } = await large();
    const { gets } = fixture.daemon;
    const { length } = fixture.log;
    await pass(3_600_000);
    expect(fixture.log.slice(length)).toEqual([]);
    expect(fixture.daemon.gets).toBe(gets);
  });
});

interface Large {
  readonly fixture: AgentFixture;
  /** The desired states of the machine, in order. */
  readonly applied: DesiredHost[];
}

async function large(): Promise<Large> {
  const clusterPrefixes = [parseCidr('10.128.0.0/9')];
  const fixture = new AgentFixture({
    settings: { enforcement: 'enforce', force: true, clusterPrefixes },
  });
  const applied: DesiredHost[] = [];
  const apply = fixture.host.apply.bind(fixture.host);
  fixture.host.apply = (desired): ReturnType<typeof apply> => {
    applied.push(desired);
    return apply(desired);
  };
  await fixture.start(...Array.from({ length: 500 }, (_, i) => largeRecord(i + 2)));
  return { fixture, applied };
}

function largeRecord(number: number, change: Partial<NodeRecord> = {}): NodeRecord {
  const [high, low] = [number >> 8, number & 0xff];
  return {
    ...recordOf(2),
    name: `n${number}`,
    addresses: [`198.18.${high}.${low}`],
    prefixes: [parseCidr(`10.${128 + high}.${low}.0/24`)],
    keys: [{ publicKey: keyOf(number), generation: 1, createdAt: 1_760_000_000_000 }],
    ...change,
  };
}
