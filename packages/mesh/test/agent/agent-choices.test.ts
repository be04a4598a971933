import { describe, expect, it } from 'vitest';
import type { AgentSettings } from '../../src/agent/agent-settings.ts';
import { SimulatedMachine } from '../plan/simulated-machine.ts';
import { recordOf } from '../records.ts';
import { AgentFixture, pass } from './agent-fixture.ts';

describe('setEnforcement', () => {
  it('refuses enforce, and names the peers that have not answered', async () => {
    const fixture = await started();
    await fixture.answer(3);
    const refused = fixture.agent.setEnforcement('enforce');
    await expect(refused).rejects.toThrow(/no answer yet from n2, n4\. .*--force/);
    expect((await fixture.agent.status()).node.wantedEnforcement).toBe('permissive');
    expect(fixture.wayTo(2)).toBe('main');
  });

  it('refuses enforce, and names the peers whose enforcement is off, although they answer', async () => {
    const fixture = await started();
    fixture.registry.has('n3', recordOf(3, { sendsPlaintext: true }));
    await fixture.answer(2, 3, 4);
    const refused = fixture.agent.setEnforcement('enforce');
    await expect(refused).rejects.toThrow(
      /^enforce is refused: enforcement is off on n3\. Packets .*--force/,
    );
    fixture.registry.has('n5', recordOf(5));
    await pass(1000);
    await expect(fixture.agent.setEnforcement('enforce')).rejects.toThrow(
      'no answer yet from n5; enforcement is off on n3. ',
    );
    fixture.registry.loses('n5', 'deleted');
    fixture.registry.has('n3', recordOf(3));
    await pass(1000);
    await expect(fixture.agent.setEnforcement('enforce')).resolves.toBe('enforcement is enforce');
  });

  it('enforces with force, even if peers have not answered', async () => {
    const fixture = await started();
    await fixture.answer(3);
    const said = fixture.agent.setEnforcement('enforce', { force: true });
    await expect(said).resolves.toBe('enforcement is enforce');
    // The packets to n2 go into the tunnel and are dropped there, because the daemon has no session
    // with n2.
    expect([2, 3, 9].map((number) => fixture.wayTo(number))).toEqual([
      'tunnel',
      'tunnel',
      'refused',
    ]);
  });

  it('changes to enforce when all peers have answered, then back to permissive, then to off', async () => {
    const fixture = await started();
    await fixture.answer(2, 3, 4);
    await fixture.agent.setEnforcement('enforce');
    expect([fixture.wayTo(2), fixture.wayTo(9)]).toEqual(['tunnel', 'refused']);
    await fixture.agent.setEnforcement('permissive');
    expect([fixture.wayTo(2), fixture.wayTo(9)]).toEqual(['tunnel', 'main']);
    await fixture.agent.setEnforcement('off');
    const { routes, rules, ruleset } = fixture.host.machine;
    expect([routes.size, rules.size, ruleset]).toEqual([0, 0, undefined]);
    expect(fixture.daemon.peers).toMatchObject([{ session: {} }, { session: {} }, { session: {} }]);
  });

  it('names the refused nodes that enforce cuts off, and does not wait for them', async () => {
    const fixture = await started();
    await fixture.answer(2, 3, 4);
    fixture.registry.has('n5', recordOf(5, { prefixes: recordOf(2).prefixes }));
    await pass(1000);
    const said = fixture.agent.setEnforcement('enforce');
    await expect(said).resolves.toBe(
      'enforcement is enforce; cut off, because their records are refused: n5',
    );
  });

  it('refuses enforce without cluster prefixes, even with force', async () => {
    const fixture = await started({ clusterPrefixes: [] });
    await fixture.answer(2, 3, 4);
    const refused = fixture.agent.setEnforcement('enforce', { force: true });
    await expect(refused).rejects.toThrow('--cluster-prefix');
  });

  it('refuses enforce before the registry was read', async () => {
    const fixture = new AgentFixture();
    fixture.daemon.starts();
    fixture.agent.start();
    await pass(1000);
    await expect(fixture.agent.setEnforcement('enforce')).rejects.toThrow(/not read yet/);
  });

  it('changes nothing if the machine cannot enforce', async () => {
    const fixture = await started();
    await fixture.answer(2, 3, 4);
    fixture.host.refusal = ({ enforcement }) =>
      enforcement === 'enforce'
        ? new Error('enforce does not work here: nft is missing')
        : undefined;
    await expect(fixture.agent.setEnforcement('enforce')).rejects.toThrow('nft is missing');
    await pass(60_000);
    expect((await fixture.agent.status()).node).toMatchObject({
      enforcement: 'permissive',
      wantedEnforcement: 'permissive',
    });
    expect(fixture.agent.events.troubles).toEqual([]);
    await fixture.replace();
    expect((await fixture.agent.status()).node.wantedEnforcement).toBe('permissive');
  });
});

describe('setMode', () => {
  it('stores that enforce was not in effect yet, so that the next agent waits for the peers too', async () => {
    const fixture = await started({ enforcement: 'enforce' });
    await fixture.answer(3);
    await fixture.agent.setMode('all');
    const restart = async (): Promise<unknown> => {
      await fixture.replace();
      fixture.agent.start();
      fixture.registry.sync();
      await pass(1000);
      return (await fixture.agent.status()).node;
    };
    expect(await restart()).toMatchObject({
      mode: 'all',
      wantedEnforcement: 'enforce',
      enforcement: 'permissive',
    });
    await fixture.answer(2, 3, 4);
    await pass(5000);
    fixture.registry.has('n5', recordOf(5));
    await pass(1000);
    expect(await restart()).toMatchObject({ mode: 'all', enforcement: 'enforce' });
  });
});

describe('two changes of the choices at once', () => {
  it('run one after the other, and a failure of the first does not undo the second', async () => {
    const fixture = await started();
    await fixture.answer(2, 3, 4);
    fixture.host.refusal = ({ enforcement }) =>
      enforcement === 'enforce' ? new Error("enforce can't be held: nft is missing") : undefined;
    const both = await Promise.allSettled([
      fixture.agent.setEnforcement('enforce'),
      fixture.agent.setMode('all'),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect((await fixture.agent.status()).node).toMatchObject({
      mode: 'all',
      wantedEnforcement: 'permissive',
    });
  });
});

describe('an agent that is started with enforce', () => {
  it('waits for all peers, then enforces, and continues to enforce when another node joins', async () => {
    const fixture = await started({ enforcement: 'enforce' });
    await fixture.answer(2, 3);
    const { node } = await fixture.agent.status();
    expect(node).toMatchObject({ enforcement: 'permissive', wantedEnforcement: 'enforce' });
    expect(fixture.wayTo(9)).toBe('main');
    await fixture.answer(4);
    expect(fixture.wayTo(9)).toBe('refused');
    fixture.registry.has('n9', recordOf(9));
    await pass(1000);
    expect(fixture.wayTo(9)).toBe('tunnel');
    expect((await fixture.agent.status()).node.enforcement).toBe('enforce');
  });

  it('also waits for a peer whose enforcement is off, and shows the reason in the status of this peer', async () => {
    const fixture = new AgentFixture({ settings: { enforcement: 'enforce' } });
    await fixture.start(recordOf(2), recordOf(3, { sendsPlaintext: true }));
    await fixture.answer(2, 3);
    const status = await fixture.agent.status();
    expect(status.node.enforcement).toBe('permissive');
    expect(status.peers).toMatchObject([
      { name: 'n2', reason: undefined, sendsPlaintext: false },
      { name: 'n3', reason: 'its enforcement is off', sendsPlaintext: true },
    ]);
    expect(status.troubles).toEqual([]);
    // Packets from this node to n3 are encrypted.
    expect(fixture.wayTo(3)).toBe('tunnel');
    fixture.registry.has('n3', recordOf(3));
    await pass(1000);
    expect((await fixture.agent.status()).node.enforcement).toBe('enforce');
  });

  it('continues to enforce when a peer switches its enforcement off, and logs this once', async () => {
    const fixture = await started({ enforcement: 'enforce' });
    await fixture.answer(2, 3, 4);
    await pass(600_000);
    fixture.registry.has('n3', recordOf(3, { sendsPlaintext: true }));
    await pass(600_000);
    const { node, troubles } = await fixture.agent.status();
    expect(node.enforcement).toBe('enforce');
    expect(troubles).toEqual([
      expect.stringMatching(/^plaintext: enforcement is off on n3, .* this node drops them/),
    ]);
    expect(fixture.said.filter((line) => line.startsWith('plaintext: '))).toHaveLength(1);
    // The trouble is not in the published status. If it were, all nodes would write their status
    // when one node switches its enforcement off.
    expect(fixture.registry.statuses).toHaveLength(1);
    fixture.registry.has('n3', recordOf(3));
    await pass(1000);
    expect(fixture.said.at(-1)).toBe('plaintext: resolved');
    fixture.registry.has('n3', recordOf(3, { sendsPlaintext: true }));
    await pass(1000);
    fixture.registry.loses('n3', 'deleted');
    await pass(1000);
    expect(fixture.agent.events.troubles).toEqual([]);
  });

  it('names only the first eight peers whose enforcement is off', async () => {
    const fixture = await started({ enforcement: 'enforce', force: true });
    for (let n = 10; n < 20; n++) {
      fixture.registry.has(`n${n}`, recordOf(n, { sendsPlaintext: true }));
    }
    await pass(1000);
    expect(fixture.agent.events.troubles).toEqual([
      expect.stringContaining('off on n10, n11, n12, n13, n14, n15, n16, n17 and 2 more, so'),
    ]);
  });

  it('enforces at once if it is started with force', async () => {
    const fixture = await started({ enforcement: 'enforce', force: true });
    expect((await fixture.agent.status()).node.enforcement).toBe('enforce');
  });

  it('enforces at once if the previous agent enforced', async () => {
    const fixture = await started({ enforcement: 'enforce' });
    await fixture.answer(2, 3, 4);
    fixture.daemon.ends();
    await fixture.replace();
    fixture.agent.start();
    fixture.registry.sync();
    await pass(1000);
    expect(fixture.wayTo(9)).toBe('refused');
  });

  it('stops plaintext after a boot even before the registry can be read', async () => {
    const fixture = await started({ enforcement: 'enforce' });
    await fixture.answer(2, 3, 4);
    await fixture.replace();
    fixture.host.machine = new SimulatedMachine([]);
    fixture.agent.start();
    await pass(1000);
    const ways = (): string[] => [1, 2, 9].map((number) => fixture.wayTo(number));
    expect(ways()).toEqual(['main', 'refused', 'refused']);
    expect(fixture.agent.isReady).toBe(false);
    fixture.registry.sync();
    await pass(1000);
    expect(ways()).toEqual(['main', 'tunnel', 'refused']);
  });

  it('changes nothing until the registry can be read, if the machine enforces already', async () => {
    const fixture = await started({ enforcement: 'enforce' });
    await fixture.answer(2, 3, 4);
    await fixture.replace();
    const { length } = fixture.log;
    fixture.agent.start();
    await pass(1000);
    expect([fixture.wayTo(2), fixture.wayTo(9)]).toEqual(['tunnel', 'refused']);
    expect(fixture.log.slice(length)).toEqual([]);
  });

  it('reports that enforce is not in effect while the own prefixes are unknown', async () => {
    const fixture = new AgentFixture({
      settings: { enforcement: 'enforce', force: true },
      prefixes: { description: 'none', follow: () => {}, close: () => {} },
    });
    fixture.agent.start();
    await pass(1000);
    expect(fixture.agent.events.troubles).toContainEqual(
      expect.stringContaining('enforce: it is not in effect yet'),
    );
  });

  it('keeps the choice enforce of the previous agent, unless the agent is started with other flags', async () => {
    const fixture = await started();
    await fixture.answer(2, 3, 4);
    await fixture.agent.setEnforcement('enforce');
    await fixture.replace();
    expect((await fixture.agent.status()).node.wantedEnforcement).toBe('enforce');
    await fixture.replace({ enforcement: 'off' });
    expect((await fixture.agent.status()).node.wantedEnforcement).toBe('off');
  });
});

describe('setMode', () => {
  it('sets the mark of the daemon before it adds the rules for the mark, and clears the mark after it removes the rules', async () => {
    const fixture = await started();
    await fixture.answer(2, 3, 4);
    const { length } = fixture.log;
    await fixture.agent.setMode('nodes');
    expect(fixture.log.slice(length)).toEqual(['daemon: fwmark', 'host: permissive']);
    expect(fixture.daemon.fwmark).not.toBe(0);
    await fixture.agent.setMode('pods');
    expect(fixture.log.slice(length + 2)).toEqual(['host: permissive', 'daemon: fwmark']);
    expect(fixture.daemon.fwmark).toBe(0);
  });

  it('publishes in mode all that the node encrypts its own traffic, although the node has opted out', async () => {
    const fixture = await started({ encryptsNode: false });
    expect(fixture.record?.encryptsNode).toBe(false);
    await fixture.agent.setMode('all');
    await pass(1000);
    expect(fixture.record?.encryptsNode).toBe(true);
    await fixture.agent.setMode('nodes');
    await pass(1000);
    expect(fixture.record?.encryptsNode).toBe(false);
  });
});

describe('the own record', () => {
  it('says that this node sends plaintext while its enforcement is off', async () => {
    const fixture = await started({ enforcement: 'off' });
    expect(fixture.record?.sendsPlaintext).toBe(true);
    await fixture.answer(2, 3, 4);
    for (const enforcement of ['permissive', 'enforce'] as const) {
      await fixture.agent.setEnforcement(enforcement);
      expect(fixture.record?.sendsPlaintext).toBe(false);
    }
    await fixture.agent.setEnforcement('off');
    expect(fixture.record?.sendsPlaintext).toBe(true);
    expect(fixture.registry.written).toHaveLength(3);
  });

  it('is written after the machine was changed', async () => {
    const fixture = await started({ enforcement: 'off' });
    const { length } = fixture.log;
    await fixture.agent.setEnforcement('permissive');
    expect(fixture.log.slice(length)).toEqual(['host: permissive', 'registry: 1']);
  });
});

/** An agent with three peers that have not answered. */
async function started(settings: Partial<AgentSettings> = {}): Promise<AgentFixture> {
  const fixture = new AgentFixture({ settings });
  await fixture.start(recordOf(2), recordOf(3), recordOf(4));
  return fixture;
}
