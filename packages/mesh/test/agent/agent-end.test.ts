import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { recordOf } from '../records.ts';
import { AgentGround, gate, pass } from './agent-ground.ts';

/** What is asked, and does not answer until the gate opens. */
const STEPS: readonly [string, (ground: AgentGround, shut: Promise<void>) => void][] = [
  ['the look at the machine', (ground, shut) => (ground.host.gate = shut)],
  ['the change of the daemon', (ground, shut) => (ground.daemon.gate = shut)],
  ['the write of the record', (ground, shut) => (ground.registry.gate = shut)],
];

describe('close', () => {
  it.each(STEPS)(
    'in the middle of %s ends when that is over, and leaves nothing',
    async (_, shut) => {
      const ground = new AgentGround();
      const step = gate();
      shut(ground, step.shut);
      await ground.start(recordOf(2));
      let isClosed = false;
      const closed = ground.agent.close().then(() => (isClosed = true));
      await pass(1000);
      step.open();
      await pass(1000);
      await closed;
      expect(isClosed).toBe(true);
      expect([ground.host.isClosed, ground.registry.isClosed]).toEqual([true, true]);
      const { length } = ground.log;
      ground.daemon.ends();
      ground.daemon.starts();
      await pass(3_600_000);
      expect(ground.log).toHaveLength(length);
      expect(vi.getTimerCount()).toBe(0);
      expect(ground.agent.events.troubles).toEqual([]);
    },
  );

  it('leaves daemon, machine and record as they are', async () => {
    const ground = new AgentGround();
    await ground.start(recordOf(2));
    await ground.answer(2);
    const { length } = ground.log;
    await ground.agent.close();
    await ground.agent.close();
    await expect(ground.agent.ended).resolves.toBeUndefined();
    expect(ground.log).toHaveLength(length);
    expect(ground.wayTo(2)).toBe('tunnel');
    expect(ground.published).toEqual([1]);
  });

  it('before anything is known ends at once', async () => {
    const ground = new AgentGround();
    ground.agent.start();
    await ground.agent.close();
    await pass(60_000);
    expect(ground.log).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('during a switch lets whoever asked for it know how it went', async () => {
    const ground = new AgentGround();
    await ground.start(recordOf(2));
    const step = gate();
    ground.host.gate = step.shut;
    const said = ground.agent.setMode('nodes');
    const closed = ground.agent.close();
    step.open();
    await pass(100);
    await closed;
    await expect(said).resolves.toBe('mode is nodes');
  });
});

describe('down', () => {
  it('takes the machine back first, then the record, then the keys of the daemon', async () => {
    const ground = await started();
    const { length } = ground.log;
    const said = ground.agent.down();
    await pass(2900);
    expect(ground.log.slice(length)).toEqual(['host: removed', 'registry: withdrawn']);
    await pass(200);
    await expect(said).resolves.toBe('the node has left the mesh and the machine is restored');
    expect(ground.log.slice(length + 2)).toEqual([
      'daemon: privateKey replacePeers listenPort fwmark',
    ]);
    expect([ground.daemon.own, ground.daemon.peers.length]).toEqual([undefined, 0]);
    await expect(ground.agent.ended).resolves.toBeUndefined();
    await pass(600_000);
    expect(ground.record).toBeUndefined();
  });

  it('leaves alone a daemon that is not there', async () => {
    const ground = await started();
    ground.daemon.ends();
    await pass(100);
    const said = ground.agent.down();
    await pass(3100);
    await expect(said).resolves.toContain('the node has left the mesh');
    expect(ground.log.at(-1)).toBe('registry: withdrawn');
  });

  it('says what could not be put back', async () => {
    const ground = await started();
    ground.host.troubles = ['the filter of eth0 is somebody else’s now'];
    const said = ground.agent.down();
    await pass(3100);
    await expect(said).resolves.toMatch(/the machine is restored; the filter of eth0/);
  });

  it('is not kept from it by a disk that is full', async () => {
    const ground = await started();
    mkdirSync(join(ground.folder, 'litz0.choices.json'));
    const said = ground.agent.down();
    await pass(3100);
    await expect(said).resolves.toMatch(
      /^the node has left the mesh .*choices.json: cannot be written/,
    );
    expect(ground.record).toBeUndefined();
  });

  it('asked for twice is done once', async () => {
    const ground = await started();
    const { length } = ground.log;
    const both = [ground.agent.down(), ground.agent.down()];
    await pass(3100);
    const [first, second] = await Promise.all(both);
    expect(first).toBe(second);
    expect(ground.log.slice(length)).toHaveLength(3);
  });

  it('is not undone by a switch or a new key that somebody asks for meanwhile', async () => {
    const ground = await started();
    const said = ground.agent.down();
    await expect(ground.agent.setEnforcement('permissive')).rejects.toThrow('being taken out');
    await expect(ground.agent.setMode('nodes')).rejects.toThrow('being taken out');
    expect(() => ground.agent.rotateKey()).toThrow('being taken out');
    await pass(3100);
    await said;
    const choices = readFileSync(join(ground.folder, 'litz0.choices.json'), 'utf8');
    expect(JSON.parse(choices)).toMatchObject({ isDown: true, chosen: { mode: 'pods' } });
  });

  it('says that the registry cannot be told, and can be asked for again', async () => {
    const ground = await started();
    ground.registry.isLost();
    await expect(ground.agent.down()).rejects.toThrow(
      /connection refused\. The machine is restored, but .*Run the command again/,
    );
    ground.registry.sync();
    const said = ground.agent.down();
    await pass(3100);
    await expect(said).resolves.toContain('the node has left the mesh');
    expect(ground.record).toBeUndefined();
  });

  it('is no reason to stay out when the agent is started again', async () => {
    const ground = await started();
    const said = ground.agent.down();
    await pass(3100);
    await said;
    ground.daemon.starts();
    await ground.replace();
    ground.agent.start();
    ground.registry.sync();
    await pass(1000);
    expect(ground.published).toEqual([1]);
  });
});

async function started(): Promise<AgentGround> {
  const ground = new AgentGround();
  await ground.start(recordOf(2));
  await ground.answer(2);
  return ground;
}
