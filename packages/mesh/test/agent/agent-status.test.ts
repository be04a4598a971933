import { describe, expect, it } from 'vitest';
import { recordOf } from '../records.ts';
import { AgentFixture, pass } from './agent-fixture.ts';

describe('the status in the registry', () => {
  it('is written once after the record, and not again while nothing changes', async () => {
    const fixture = await started();
    expect(fixture.registry.statuses).toEqual([]);
    await pass(86_400_000);
    expect(fixture.registry.statuses).toMatchObject([
      { version: expect.stringMatching(/^\d+\.\d+\./), encrypt: 'pods', enforcement: 'permissive' },
    ]);
    expect(fixture.registry.statuses[0]?.trouble).toBe('');
    expect(fixture.registry.written).toHaveLength(1);
  });

  it('is not written again when other nodes join, answer and leave', async () => {
    const fixture = await started();
    await pass(600_000);
    for (let number = 3; number < 20; number++) {
      fixture.registry.has(`n${number}`, recordOf(number));
      await pass(1000);
      await fixture.answer(number);
      await pass(30_000);
      fixture.registry.loses(`n${number}`, 'deleted');
    }
    await pass(600_000);
    expect([fixture.registry.written.length, fixture.registry.statuses.length]).toEqual([1, 1]);
  });

  it('follows changes of mode and enforcement', async () => {
    const fixture = await started();
    await fixture.answer(2);
    await pass(600_000);
    await fixture.agent.setEnforcement('enforce');
    await fixture.agent.setMode('nodes');
    await pass(600_000);
    await fixture.agent.setEnforcement('off');
    await pass(600_000);
    const words = fixture.registry.statuses.map((s) => `${s.encrypt} ${s.enforcement}`);
    expect(words).toEqual(['pods permissive', 'nodes enforce', 'off off']);
  });

  it('has only the current troubles', async () => {
    const fixture = await started();
    await pass(600_000);
    fixture.host.underlayFailure = new Error('no answer');
    fixture.host.listener?.onUnderlay();
    await pass(1000);
    fixture.host.underlayFailure = undefined;
    await pass(600_000);
    expect(fixture.registry.statuses).toHaveLength(1);
    fixture.host.underlayFailure = new Error('no answer');
    fixture.host.listener?.onUnderlay();
    await pass(600_000);
    expect(fixture.registry.statuses[1]?.trouble).toBe('agent: no answer');
  });

  it('is written once a minute at most, however often it changes', async () => {
    const fixture = await started();
    await pass(600_000);
    for (let i = 0; i < 60; i++) {
      await fixture.agent.setMode(i % 2 === 0 ? 'nodes' : 'pods');
      await pass(11_000);
    }
    const { statuses } = fixture.registry;
    expect(statuses.length).toBeGreaterThan(3);
    const waits = statuses.slice(1).map(({ at }, i) => at - (statuses[i]?.at ?? 0));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(60_000);
  });

  it('is sent again with growing pauses while the registry refuses it, and the reason is reported', async () => {
    const fixture = await started();
    fixture.registry.statusRefusal = 'needs the right to patch litznodes/status';
    await pass(3_600_000);
    expect(fixture.agent.events.troubles).toEqual([
      'status in the registry: needs the right to patch litznodes/status',
    ]);
    expect(fixture.agent.isReady).toBe(true);
    fixture.registry.statusRefusal = undefined;
    await pass(3_600_000);
    expect(fixture.agent.events.troubles).toEqual([]);
    expect(fixture.registry.statuses).toMatchObject([{ trouble: '' }]);
  });

  it('is written soon after the registry answers again, if it could not be written before', async () => {
    const fixture = await started();
    fixture.registry.isLost();
    await pass(7_200_000);
    expect(fixture.registry.statuses).toEqual([]);
    fixture.registry.sync();
    await pass(31_000);
    expect(fixture.registry.statuses).toHaveLength(1);
    expect(fixture.agent.events.troubles).toEqual([]);
  });

  it('is written again when the agent writes an expired record again', async () => {
    const fixture = await started();
    await pass(600_000);
    fixture.registry.loses('n1', 'expired');
    await pass(600_000);
    expect([fixture.registry.written.length, fixture.registry.statuses.length]).toEqual([2, 2]);
  });
});

/** An agent with one peer. The agent has not written a status yet. */
async function started(): Promise<AgentFixture> {
  const fixture = new AgentFixture();
  await fixture.start(recordOf(2));
  return fixture;
}
