import { parseCidr } from '@litz/core';
import { expect, it, describe } from 'vitest';
import type { DesiredHost } from '../../src/plan/desired-host.ts';
import type { NodeRecord } from '../../src/record/node-record.ts';
import { keyOf, recordOf } from '../records.ts';
import { AgentGround, pass } from './agent-ground.ts';

describe('Agent with 500 nodes', () => {
  it('tells the daemon of a change once, asks it nothing, and loads no ruleset', async () => {
    const { ground, applied } = await large();
    const { gets } = ground.daemon;
    const before = applied.at(-1)!;
    const { length } = ground.log;

    ground.registry.has('n300', largeRecord(300, { port: 4242 }));
    await pass(10_000);

    expect(ground.log.slice(length)).toEqual(['daemon: peers']);
    expect(ground.daemon.gets).toBe(gets);
    expect(applied.at(-1)!.ruleset).toBe(before.ruleset);
  });

  it('looks at the routes of the peer that changes, and at no others', async () => {
    const { ground, applied } = await large();
    const { length } = ground.log;
    const before = applied.at(-1)!;
    const moved = largeRecord(300, { prefixes: [parseCidr('10.250.1.0/24')] });

    ground.registry.has('n300', moved);
    await pass(1000);

    expect(ground.log.slice(length)).toEqual(['daemon: peers', 'host: enforce']);
    const { difference } = applied.at(-1)!;
    expect(difference?.from).toBe(before.routes);
    expect(difference?.gone.flat().map(({ key }) => key)).toEqual(['10.129.44.0/24 metric 0']);
    expect(difference?.come.flat().map(({ key }) => key)).toEqual(['10.250.1.0/24 metric 0']);
  });

  it('takes many changes at once as one', async () => {
    const { ground } = await large();
    const { length } = ground.log;
    for (let i = 100; i < 200; i++) {
      ground.registry.has(`n${i}`, largeRecord(i, { port: 4242 }));
    }
    await pass(1000);
    expect(ground.log.slice(length)).toEqual(['daemon: peers']);
  });

  it('joins with one write of its record, and writes nothing more', async () => {
    const { ground } = await large();
    await pass(3_600_000);
    expect(ground.registry.written).toHaveLength(1);
    expect(ground.registry.statuses.length).toBeLessThanOrEqual(1);
  });

  it('is asked for nothing and says nothing at rest', async () => {
    const { ground } = await large();
    const { gets } = ground.daemon;
    const { length } = ground.log;
    await pass(3_600_000);
    expect(ground.log.slice(length)).toEqual([]);
    expect(ground.daemon.gets).toBe(gets);
  });
});

interface Large {
  readonly ground: AgentGround;
  /** What the machine was to look like, the last one last. */
  readonly applied: DesiredHost[];
}

async function large(): Promise<Large> {
  const clusterPrefixes = [parseCidr('10.128.0.0/9')];
  const ground = new AgentGround({
    settings: { enforcement: 'enforce', force: true, clusterPrefixes },
  });
  const applied: DesiredHost[] = [];
  const apply = ground.host.apply.bind(ground.host);
  ground.host.apply = (desired): ReturnType<typeof apply> => {
    applied.push(desired);
    return apply(desired);
  };
  await ground.start(...Array.from({ length: 500 }, (_, i) => largeRecord(i + 2)));
  return { ground, applied };
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
