import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { recordOf } from '../records.ts';
import { AgentFixture, gate, pass } from './agent-fixture.ts';

/** The steps that a test can block, and how it blocks them. */
const STEPS: readonly [string, (fixture: AgentFixture, shut: Promise<void>) => void][] = [
  ['a read of the machine', (fixture, shut) => (fixture.host.gate = shut)],
  ['a change of the daemon', (fixture, shut) => (fixture.daemon.gate = shut)],
  ['a write of the record', (fixture, shut) => (fixture.registry.gate = shut)],
];

describe('close', () => {
  it.each(STEPS)('waits for %s that is in progress, and leaves nothing open', async (_, shut) => {
    const fixture = new AgentFixture();
    const step = gate();
    shut(fixture, step.shut);
    await fixture.start(recordOf(2));
    let isClosed = false;
    const closed = fixture.agent.close().then(() => (isClosed = true));
    await pass(1000);
    step.open();
    await pass(1000);
    await closed;
    expect(isClosed).toBe(true);
    expect([fixture.host.isClosed, fixture.registry.isClosed]).toEqual([true, true]);
    const { length } = fixture.log;
    fixture.daemon.ends();
    fixture.daemon.starts();
    await pass(3_600_000);
    expect(fixture.log).toHaveLength(length);
    expect(vi.getTimerCount()).toBe(0);
    expect(fixture.agent.events.troubles).toEqual([]);
  });

  it('leaves daemon, machine and record as they are', async () => {
    const fixture = new AgentFixture();
    await fixture.start(recordOf(2));
    await fixture.answer(2);
    const { length } = fixture.log;
    await fixture.agent.close();
    await fixture.agent.close();
    await expect(fixture.agent.ended).resolves.toBeUndefined();
    expect(fixture.log).toHaveLength(length);
    expect(fixture.wayTo(2)).toBe('tunnel');
    expect(fixture.published).toEqual([1]);
  });

  it('ends at once if neither daemon nor registry has answered yet', async () => {
    const fixture = new AgentFixture();
    fixture.agent.start();
    await fixture.agent.close();
    await pass(60_000);
    expect(fixture.log).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('lets a pending change of the choices finish', async () => {
    const fixture = new AgentFixture();
    await fixture.start(recordOf(2));
    const step = gate();
    fixture.host.gate = step.shut;
    const said = fixture.agent.setMode('nodes');
    const closed = fixture.agent.close();
    step.open();
    await pass(100);
    await closed;
    await expect(said).resolves.toBe('mode is nodes');
  });
});

describe('down', () => {
  it('restores the machine first, then withdraws the record, then clears the daemon', async () => {
    const fixture = await started();
    const { length } = fixture.log;
    const said = fixture.agent.down();
    await pass(2900);
    expect(fixture.log.slice(length)).toEqual(['host: removed', 'registry: withdrawn']);
    await pass(200);
    await expect(said).resolves.toBe('the node has left the mesh and the machine is restored');
    expect(fixture.log.slice(length + 2)).toEqual([
      'daemon: privateKey replacePeers listenPort fwmark',
    ]);
    expect([fixture.daemon.own, fixture.daemon.peers.length]).toEqual([undefined, 0]);
    await expect(fixture.agent.ended).resolves.toBeUndefined();
    await pass(600_000);
    expect(fixture.record).toBeUndefined();
  });

  it('works without a daemon', async () => {
    const fixture = await started();
    fixture.daemon.ends();
    await pass(100);
    const said = fixture.agent.down();
    await pass(3100);
    await expect(said).resolves.toContain('the node has left the mesh');
    expect(fixture.log.at(-1)).toBe('registry: withdrawn');
  });

  it('reports what could not be restored', async () => {
    const fixture = await started();
    fixture.host.troubles = ['the filter of eth0 is somebody else’s now'];
    const said = fixture.agent.down();
    await pass(3100);
    await expect(said).resolves.toMatch(/the machine is restored; the filter of eth0/);
  });

  it('works if the choices cannot be saved, and reports why', async () => {
    const fixture = await started();
    mkdirSync(join(fixture.folder, 'litz0.choices.json'));
    const said = fixture.agent.down();
    await pass(3100);
    await expect(said).resolves.toMatch(
      /^the node has left the mesh .*choices.json: cannot be written/,
    );
    expect(fixture.record).toBeUndefined();
  });

  it('runs once if it is requested twice', async () => {
    const fixture = await started();
    const { length } = fixture.log;
    const both = [fixture.agent.down(), fixture.agent.down()];
    await pass(3100);
    const [first, second] = await Promise.all(both);
    expect(first).toBe(second);
    expect(fixture.log.slice(length)).toHaveLength(3);
  });

  it('refuses a change of the choices and a new key while it runs', async () => {
    const fixture = await started();
    const said = fixture.agent.down();
    await expect(fixture.agent.setEnforcement('permissive')).rejects.toThrow('being taken out');
    await expect(fixture.agent.setMode('nodes')).rejects.toThrow('being taken out');
    expect(() => fixture.agent.rotateKey()).toThrow('being taken out');
    await pass(3100);
    await said;
    const choices = readFileSync(join(fixture.folder, 'litz0.choices.json'), 'utf8');
    expect(JSON.parse(choices)).toMatchObject({ isDown: true, chosen: { mode: 'pods' } });
  });

  it('reports that the registry cannot be written, and can be requested again', async () => {
    const fixture = await started();
    fixture.registry.isLost();
    await expect(fixture.agent.down()).rejects.toThrow(
      /connection refused\. The machine is restored, but .*Run the command again/,
    );
    fixture.registry.sync();
    const said = fixture.agent.down();
    await pass(3100);
    await expect(said).resolves.toContain('the node has left the mesh');
    expect(fixture.record).toBeUndefined();
  });

  it('lets the node join again when the agent is started again', async () => {
    const fixture = await started();
    const said = fixture.agent.down();
    await pass(3100);
    await said;
    fixture.daemon.starts();
    await fixture.replace();
    fixture.agent.start();
    fixture.registry.sync();
    await pass(1000);
    expect(fixture.published).toEqual([1]);
  });
});

async function started(): Promise<AgentFixture> {
  const fixture = new AgentFixture();
  await fixture.start(recordOf(2));
  await fixture.answer(2);
  return fixture;
}
