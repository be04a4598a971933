import { parseAddress } from '@litz/core';
import { describe, expect, it } from 'vitest';
import type { AgentSettings, Choices } from '../../src/agent/agent-settings.ts';
import {
  closeAsBefore,
  enforcedBefore,
  type StoredStateOptions,
} from '../../src/agent/close-as-before.ts';
import { recordOf } from '../records.ts';
import { AgentFixture, pass } from './agent-fixture.ts';
import { SimulatedHost } from './simulated-host.ts';

const ENFORCE: Choices = { mode: 'pods', enforcement: 'enforce' };

describe('closeAsBefore', () => {
  it('enforces after a boot what the previous agent enforced', async () => {
    const fixture = await enforcing();
    const host = new SimulatedHost(() => {});
    host.machine.link = undefined;
    const request = enforcedBefore(optionsOf(fixture, ENFORCE));
    expect(await closeAsBefore(host, { interfaceName: 'litz0' }, request!)).toEqual([]);
    expect(host.machine.wayOf(parseAddress('10.244.2.9'))).toBe('refused');
    expect(host.machine.wayOf(parseAddress('10.244.1.9'))).toBe('main');
    expect(host.machine.ruleset).toContain('@remote4');
  });

  it('removes nothing from a machine that enforces already', async () => {
    const fixture = await enforcing();
    const { length } = fixture.log;
    const request = enforcedBefore(optionsOf(fixture, ENFORCE));
    await closeAsBefore(fixture.host, { interfaceName: 'litz0' }, request!);
    expect(fixture.log.slice(length)).toEqual([]);
    expect(fixture.wayTo(2)).toBe('tunnel');
  });

  it('uses the table and the priority of the new agent', async () => {
    const fixture = await enforcing();
    const host = new SimulatedHost(() => {});
    const request = enforcedBefore(optionsOf(fixture, ENFORCE));
    const numbers = { table: 100, priority: 800 };
    await closeAsBefore(host, { interfaceName: 'litz0', ...numbers }, request!);
    expect([...host.machine.rules.values()]).toMatchObject([numbers]);
  });

  it('reports why the machine cannot enforce', async () => {
    const fixture = await enforcing();
    const request = enforcedBefore(optionsOf(fixture, ENFORCE));
    fixture.host.refusal = () => new Error('nft is missing');
    await expect(closeAsBefore(fixture.host, { interfaceName: 'litz0' }, request!)).rejects.toThrow(
      'nft is missing',
    );
  });
});

describe('enforcedBefore', () => {
  it.each<[string, Choices]>([
    ['the flags say permissive now', { mode: 'pods', enforcement: 'permissive' }],
    ['the flags name another mode', { mode: 'all', enforcement: 'enforce' }],
  ])('returns nothing if %s', async (_, choices) => {
    const fixture = await enforcing();
    expect(enforcedBefore(optionsOf(fixture, choices))).toBeUndefined();
  });

  it('returns nothing after the enforcement was switched to permissive', async () => {
    const fixture = await enforcing();
    await fixture.agent.setEnforcement('permissive');
    expect(enforcedBefore(optionsOf(fixture, ENFORCE))).toBeUndefined();
  });

  it('returns nothing after the node has left the mesh', async () => {
    const fixture = await enforcing();
    const down = fixture.agent.down();
    await pass(5000);
    await down;
    expect(enforcedBefore(optionsOf(fixture, ENFORCE))).toBeUndefined();
  });

  it('returns nothing while the node waits for its peers before it enforces', async () => {
    const fixture = new AgentFixture({ settings: { enforcement: 'enforce' } });
    await fixture.start(recordOf(2));
    expect(enforcedBefore(optionsOf(fixture, ENFORCE))).toBeUndefined();
  });

  it('returns what was enforced last', async () => {
    const fixture = await enforcing({ addresses: ['192.0.2.1', '2001:db8::1'] });
    expect(enforcedBefore(optionsOf(fixture, ENFORCE))).toMatchObject({
      mode: 'pods',
      own: { addresses: ['192.0.2.1', '2001:db8::1'] },
    });
  });
});

/** Runs an agent that enforces, with one peer. */
async function enforcing(settings: Partial<AgentSettings> = {}): Promise<AgentFixture> {
  const fixture = new AgentFixture({ settings: { ...settings, enforcement: 'enforce' } });
  await fixture.start(recordOf(2));
  await fixture.answer(2);
  return fixture;
}

function optionsOf({ folder }: AgentFixture, choices: Choices): StoredStateOptions {
  return { stateFolder: folder, interfaceName: 'litz0', choices };
}
