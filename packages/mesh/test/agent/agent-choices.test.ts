import { describe, expect, it } from 'vitest';
import type { AgentSettings } from '../../src/agent/agent-settings.ts';
import { SimulatedMachine } from '../plan/simulated-machine.ts';
import { recordOf } from '../records.ts';
import { AgentGround, pass } from './agent-ground.ts';

describe('setEnforcement', () => {
  it('refuses enforce by the names of those who have not answered', async () => {
    const ground = await started();
    await ground.answer(3);
    const refused = ground.agent.setEnforcement('enforce');
    await expect(refused).rejects.toThrow(/no answer yet from n2, n4\. .*--force/);
    expect((await ground.agent.status()).node.wantedEnforcement).toBe('permissive');
    expect(ground.wayTo(2)).toBe('main');
  });

  it('enforces with force, whoever has not answered', async () => {
    const ground = await started();
    await ground.answer(3);
    const said = ground.agent.setEnforcement('enforce', { force: true });
    await expect(said).resolves.toBe('enforcement is enforce');
    // Into a tunnel without a session, which is closed, and not past it.
    expect([2, 3, 9].map((number) => ground.wayTo(number))).toEqual([
      'tunnel',
      'tunnel',
      'refused',
    ]);
  });

  it('enforces when all have answered, and goes back and off', async () => {
    const ground = await started();
    await ground.answer(2, 3, 4);
    await ground.agent.setEnforcement('enforce');
    expect([ground.wayTo(2), ground.wayTo(9)]).toEqual(['tunnel', 'refused']);
    await ground.agent.setEnforcement('permissive');
    expect([ground.wayTo(2), ground.wayTo(9)]).toEqual(['tunnel', 'main']);
    await ground.agent.setEnforcement('off');
    const { routes, rules, ruleset } = ground.host.machine;
    expect([routes.size, rules.size, ruleset]).toEqual([0, 0, undefined]);
    expect(ground.daemon.peers).toMatchObject([{ session: {} }, { session: {} }, { session: {} }]);
  });

  it('names the refused nodes that enforce cuts off, and does not wait for them', async () => {
    const ground = await started();
    await ground.answer(2, 3, 4);
    ground.registry.has('n5', recordOf(5, { prefixes: recordOf(2).prefixes }));
    await pass(1000);
    const said = ground.agent.setEnforcement('enforce');
    await expect(said).resolves.toBe('enforcement is enforce; refused, and so cut off: n5');
  });

  it('refuses enforce without cluster prefixes, even with force', async () => {
    const ground = await started({ clusterPrefixes: [] });
    await ground.answer(2, 3, 4);
    const refused = ground.agent.setEnforcement('enforce', { force: true });
    await expect(refused).rejects.toThrow('--cluster-prefix');
  });

  it('refuses enforce before the registry was read', async () => {
    const ground = new AgentGround();
    ground.daemon.starts();
    ground.agent.start();
    await pass(1000);
    await expect(ground.agent.setEnforcement('enforce')).rejects.toThrow(/not read yet/);
  });

  it('leaves everything as it was where the machine cannot hold it', async () => {
    const ground = await started();
    await ground.answer(2, 3, 4);
    ground.host.refusal = ({ enforcement }) =>
      enforcement === 'enforce'
        ? new Error('enforce does not work here: nft is missing')
        : undefined;
    await expect(ground.agent.setEnforcement('enforce')).rejects.toThrow('nft is missing');
    await pass(60_000);
    expect((await ground.agent.status()).node).toMatchObject({
      enforcement: 'permissive',
      wantedEnforcement: 'permissive',
    });
    expect(ground.agent.events.troubles).toEqual([]);
    await ground.replace();
    expect((await ground.agent.status()).node.wantedEnforcement).toBe('permissive');
  });
});

describe('two switches at once', () => {
  it('are done one after the other, and one that fails undoes nothing of the other one', async () => {
    const ground = await started();
    await ground.answer(2, 3, 4);
    ground.host.refusal = ({ enforcement }) =>
      enforcement === 'enforce' ? new Error("enforce can't be held: nft is missing") : undefined;
    const both = await Promise.allSettled([
      ground.agent.setEnforcement('enforce'),
      ground.agent.setMode('all'),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect((await ground.agent.status()).node).toMatchObject({
      mode: 'all',
      wantedEnforcement: 'permissive',
    });
  });
});

describe('an agent that is started to enforce', () => {
  it('waits for all peers, then enforces, and goes on with that when others join', async () => {
    const ground = await started({ enforcement: 'enforce' });
    await ground.answer(2, 3);
    const { node } = await ground.agent.status();
    expect(node).toMatchObject({ enforcement: 'permissive', wantedEnforcement: 'enforce' });
    expect(ground.wayTo(9)).toBe('main');
    await ground.answer(4);
    expect(ground.wayTo(9)).toBe('refused');
    ground.registry.has('n9', recordOf(9));
    await pass(1000);
    expect(ground.wayTo(9)).toBe('tunnel');
    expect((await ground.agent.status()).node.enforcement).toBe('enforce');
  });

  it('waits for nobody with force', async () => {
    const ground = await started({ enforcement: 'enforce', force: true });
    expect((await ground.agent.status()).node.enforcement).toBe('enforce');
  });

  it('enforces at once where the one before it did', async () => {
    const ground = await started({ enforcement: 'enforce' });
    await ground.answer(2, 3, 4);
    ground.daemon.ends();
    await ground.replace();
    ground.agent.start();
    ground.registry.sync();
    await pass(1000);
    expect(ground.wayTo(9)).toBe('refused');
  });

  it('closes a machine that comes up before the registry can be read', async () => {
    const ground = await started({ enforcement: 'enforce' });
    await ground.answer(2, 3, 4);
    await ground.replace();
    ground.host.machine = new SimulatedMachine([]);
    ground.agent.start();
    await pass(1000);
    const ways = (): string[] => [1, 2, 9].map((number) => ground.wayTo(number));
    expect(ways()).toEqual(['main', 'refused', 'refused']);
    expect(ground.agent.isReady).toBe(false);
    ground.registry.sync();
    await pass(1000);
    expect(ways()).toEqual(['main', 'tunnel', 'refused']);
  });

  it('takes nothing away from a machine that goes on before the registry can be read', async () => {
    const ground = await started({ enforcement: 'enforce' });
    await ground.answer(2, 3, 4);
    await ground.replace();
    const { length } = ground.log;
    ground.agent.start();
    await pass(1000);
    expect([ground.wayTo(2), ground.wayTo(9)]).toEqual(['tunnel', 'refused']);
    expect(ground.log.slice(length)).toEqual([]);
  });

  it('says that it is not closed while its own prefixes are not known', async () => {
    const ground = new AgentGround({
      settings: { enforcement: 'enforce', force: true },
      prefixes: { description: 'none', follow: () => {}, close: () => {} },
    });
    ground.agent.start();
    await pass(1000);
    expect(ground.agent.events.troubles).toContainEqual(
      expect.stringContaining('enforce: it is not in effect yet'),
    );
  });

  it('enforces at once where the one before it was switched to it, but not with other flags', async () => {
    const ground = await started();
    await ground.answer(2, 3, 4);
    await ground.agent.setEnforcement('enforce');
    await ground.replace();
    expect((await ground.agent.status()).node.wantedEnforcement).toBe('enforce');
    await ground.replace({ enforcement: 'off' });
    expect((await ground.agent.status()).node.wantedEnforcement).toBe('off');
  });
});

describe('setMode', () => {
  it('gives the daemon its mark before rules need it, and takes it back behind them', async () => {
    const ground = await started();
    await ground.answer(2, 3, 4);
    const { length } = ground.log;
    await ground.agent.setMode('nodes');
    expect(ground.log.slice(length)).toEqual(['daemon: fwmark', 'host: permissive']);
    expect(ground.daemon.fwmark).not.toBe(0);
    await ground.agent.setMode('pods');
    expect(ground.log.slice(length + 2)).toEqual(['host: permissive', 'daemon: fwmark']);
    expect(ground.daemon.fwmark).toBe(0);
  });

  it('tells the others of a node that opts out that it does not with all', async () => {
    const ground = await started({ encryptsNode: false });
    expect(ground.record?.encryptsNode).toBe(false);
    await ground.agent.setMode('all');
    await pass(1000);
    expect(ground.record?.encryptsNode).toBe(true);
    await ground.agent.setMode('nodes');
    await pass(1000);
    expect(ground.record?.encryptsNode).toBe(false);
  });
});

/** Three peers, none of which has answered. */
async function started(settings: Partial<AgentSettings> = {}): Promise<AgentGround> {
  const ground = new AgentGround({ settings });
  await ground.start(recordOf(2), recordOf(3), recordOf(4));
  return ground;
}
