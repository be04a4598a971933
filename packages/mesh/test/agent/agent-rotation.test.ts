import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NodeKey } from '../../src/record/node-record.ts';
import { keyOf, recordOf } from '../records.ts';
import { AgentFixture, pass } from './agent-fixture.ts';

const key = (number: number, generation: number): NodeKey => ({
  publicKey: keyOf(number),
  generation,
  createdAt: 0,
});

/**
 * A step of a rotation after which the agent ends. `before` is called before the rotation starts,
 * and `after` one second later. With these functions, the rotation reaches this step and no later
 * step.
 */
interface Crash {
  readonly step: string;
  /** The generations in the daemon and in the record when the agent ends. */
  readonly state: readonly [daemon: readonly unknown[], record: readonly number[]];
  readonly before?: (fixture: AgentFixture) => void;
  readonly after?: (fixture: AgentFixture) => Promise<void> | void;
}

const refuse = ({ daemon }: AgentFixture): void => void (daemon.refusal = new Error('busy'));
const lose = ({ registry }: AgentFixture): void => void (registry.trouble = 'no route');
const answered = ({ daemon }: AgentFixture, ...numbers: readonly number[]): void => {
  for (const number of numbers) daemon.hasSession(keyOf(number), daemon.next);
};

const CRASHES: readonly Crash[] = [
  { step: 'the key was stored', state: [[1, undefined], [1]], before: refuse },
  { step: 'the daemon has the key', state: [[1, 2], [1]], before: lose },
  {
    step: 'the record has both keys',
    state: [
      [1, 2],
      [1, 2],
    ],
  },
  {
    step: 'one peer has answered',
    state: [
      [1, 2],
      [1, 2],
    ],
    after: (fixture) => answered(fixture, 2),
  },
  {
    step: 'all peers have answered',
    state: [
      [1, 2],
      [1, 2],
    ],
    after: (fixture) => {
      lose(fixture);
      answered(fixture, 2, 3);
    },
  },
  {
    step: 'the record has only the new key',
    state: [[1, 2], [2]],
    after: (fixture) => {
      refuse(fixture);
      answered(fixture, 2, 3);
    },
  },
  {
    step: 'the old key was deleted',
    state: [[2, undefined], [2]],
    after: (fixture) => answered(fixture, 2, 3),
  },
];

describe('rotateKey', () => {
  it('changes the daemon first, then the record, waits for all peers, and loses no session', async () => {
    const fixture = await started();
    const { daemon, log } = fixture;
    const { length } = log;
    expect(fixture.agent.rotateKey()).toMatch(/^new key: generation 2 /);
    await pass(1000);
    expect(log.slice(length)).toEqual(['daemon: nextPrivateKey', 'registry: 1 2']);
    expect(fixture.identities).toEqual([1, 2]);

    daemon.hasSession(keyOf(2), daemon.next);
    await pass(1000);
    expect((await fixture.agent.status()).node.rotation?.waitingFor).toEqual(['n3']);
    daemon.hasSession(keyOf(3), daemon.next);
    await pass(1000);
    expect(log.slice(length + 2)).toEqual(['registry: 2', 'daemon: privateKey']);
    expect(fixture.identities).toEqual([2, undefined]);
    expect(daemon.peers).toMatchObject([{ session: {} }, { session: {} }]);
    expect((await fixture.agent.status()).node).toMatchObject({ keys: [{ generation: 2 }] });
    expect((await fixture.agent.status()).node.rotation).toBeUndefined();
  });

  it('loses no session when both ends rotate at once', async () => {
    const fixture = await started();
    const { daemon, registry } = fixture;
    fixture.agent.rotateKey();
    registry.has('n2', recordOf(2, { keys: [key(2, 1), key(102, 2)] }));
    await pass(1000);
    expect(daemon.peers[0]).toMatchObject({ publicKey: keyOf(2), nextPublicKey: keyOf(102) });
    daemon.hasSession(keyOf(102), daemon.next);
    daemon.hasSession(keyOf(3), daemon.next);
    registry.has('n2', recordOf(2, { keys: [key(102, 2)] }));
    await pass(1000);
    expect(fixture.published).toEqual([2]);
    expect(fixture.identities).toEqual([2, undefined]);
    expect(daemon.peers).toHaveLength(2);
    expect(daemon.peers[0]).toMatchObject({ publicKey: keyOf(102), session: {} });
    expect(daemon.peers[0]?.allowedIps).toHaveLength(2);
    expect(fixture.wayTo(2)).toBe('tunnel');
  });

  it('waits for a silent peer until --rotate-timeout, and then continues without the peer', async () => {
    const fixture = await started();
    fixture.agent.rotateKey();
    await pass(1000);
    fixture.daemon.hasSession(keyOf(2), fixture.daemon.next);
    await pass(590_000);
    expect(fixture.published).toEqual([1, 2]);
    await pass(15_000);
    expect(fixture.published).toEqual([2]);
    expect(fixture.identities).toEqual([2, undefined]);
  });

  it('makes one key when it is called twice at once, and reports what to do', async () => {
    const fixture = await started();
    fixture.agent.rotateKey();
    expect(() => fixture.agent.rotateKey()).toThrow(
      /generation 2 is already in progress.*--revoke/,
    );
    await pass(1000);
    expect(fixture.published).toEqual([1, 2]);
  });

  it('continues after the agent was restarted', async () => {
    const fixture = await started();
    const { daemon } = fixture;
    fixture.agent.rotateKey();
    await pass(1000);
    daemon.hasSession(keyOf(2), daemon.next);
    const { length } = fixture.log;
    await fixture.replace();
    fixture.agent.start();
    fixture.registry.sync();
    await pass(1000);
    expect((await fixture.agent.status()).node.rotation?.waitingFor).toEqual(['n3']);
    daemon.hasSession(keyOf(3), daemon.next);
    await pass(1000);
    const changes = fixture.log.slice(length).filter((line) => line !== 'daemon: peers');
    expect(changes).toEqual(['registry: 2', 'daemon: privateKey']);
    expect(daemon.peers).toMatchObject([{ session: {} }, { session: {} }]);
  });

  it.each(CRASHES)(
    'continues when the agent ends after $step',
    async ({ state, before, after }) => {
      const fixture = await started();
      const { daemon, log } = fixture;
      const { length } = log;
      before?.(fixture);
      fixture.agent.rotateKey();
      await pass(1000);
      await after?.(fixture);
      await pass(1000);
      expect([fixture.identities, fixture.published]).toEqual(state);
      await fixture.replace();
      daemon.refusal = undefined;
      fixture.agent.start();
      fixture.registry.sync();
      await pass(60_000);
      for (const number of [2, 3]) daemon.hasSession(keyOf(number), daemon.next ?? daemon.own);
      await pass(60_000);
      expect(fixture.identities).toEqual([2, undefined]);
      expect(log.slice(length).filter((line) => line.startsWith('registry'))).toEqual([
        'registry: 1 2',
        'registry: 2',
      ]);
      expect(readdirSync(fixture.folder).filter((name) => name.endsWith('.key'))).toHaveLength(1);
      expect(daemon.peers).toMatchObject([{ session: {} }, { session: {} }]);
    },
  );

  it('promotes nothing while the registry cannot be written', async () => {
    const fixture = await started();
    const { daemon, registry } = fixture;
    fixture.agent.rotateKey();
    await pass(1000);
    registry.isLost();
    daemon.hasSession(keyOf(2), daemon.next);
    daemon.hasSession(keyOf(3), daemon.next);
    await pass(3_600_000);
    expect(fixture.identities).toEqual([1, 2]);
    registry.sync();
    await pass(60_000);
    expect(fixture.published).toEqual([2]);
    expect(fixture.identities).toEqual([2, undefined]);
  });

  it('is called by the agent after --rotate-key-every', async () => {
    const fixture = await started({ rotateEveryMs: 3_600_000 });
    await pass(3_590_000);
    expect(fixture.published).toEqual([1]);
    await pass(20_000);
    expect(fixture.published).toEqual([1, 2]);
  });

  it('is tried again after the key file could not be written, and the agent reports why', async () => {
    const fixture = await started({ rotateEveryMs: 3_600_000 });
    const path = join(fixture.folder, 'litz0.2.key');
    mkdirSync(join(path, 'in-the-way'), { recursive: true });
    await pass(3_700_000);
    expect(fixture.agent.events.troubles).toEqual([expect.stringMatching(/the next key: .*litz0/)]);
    rmSync(path, { recursive: true });
    await pass(120_000);
    expect(fixture.agent.events.troubles).toEqual([]);
    expect(fixture.published).toEqual([1, 2]);
  });

  describe('with revoke', () => {
    it('gives the daemon another key, so that sessions of the old key end, and writes the record once', async () => {
      const fixture = await started();
      const { length } = fixture.log;
      expect(fixture.agent.rotateKey({ revoke: true })).toMatch(/revoked.*generation 2/);
      await pass(1000);
      expect(fixture.log.slice(length)).toEqual(['daemon: privateKey', 'registry: 2']);
      expect(fixture.identities).toEqual([2, undefined]);
      expect(fixture.daemon.peers.map(({ session }) => session)).toEqual([undefined, undefined]);
    });

    it('drops both keys of a rotation in progress, and publishes only a third key', async () => {
      const fixture = await started();
      const { daemon } = fixture;
      fixture.agent.rotateKey();
      await pass(1000);
      daemon.hasSession(keyOf(2), daemon.next);
      fixture.agent.rotateKey({ revoke: true });
      await pass(1000);
      expect(fixture.identities).toEqual([3, undefined]);
      expect(fixture.published).toEqual([3]);
      expect(daemon.peers.map(({ session }) => session)).toEqual([undefined, undefined]);
      expect((await fixture.agent.status()).node.keys).toMatchObject([{ generation: 3 }]);
    });

    it('works while the registry cannot be reached, and writes the record when the registry is back', async () => {
      const fixture = await started();
      fixture.registry.isLost();
      fixture.agent.rotateKey({ revoke: true });
      await pass(60_000);
      expect(fixture.identities).toEqual([2, undefined]);
      fixture.registry.sync();
      await pass(60_000);
      expect(fixture.published).toEqual([2]);
    });

    it('ends the sessions with a peer that revokes its keys, but keeps the sessions with a peer that ends a rotation', async () => {
      const fixture = await started();
      const { daemon, registry } = fixture;
      for (const number of [2, 3]) {
        const keys = [key(number, 1), key(100 + number, 2)];
        registry.has(`n${number}`, recordOf(number, { keys }));
      }
      await pass(1000);
      registry.has('n2', recordOf(2, { keys: [key(202, 3)] }));
      registry.has('n3', recordOf(3, { keys: [key(103, 2)] }));
      await pass(1000);
      const sessions = daemon.peers.map(({ publicKey, session }) => [publicKey, session?.peer]);
      expect(sessions).toEqual([
        [keyOf(103), keyOf(3)],
        [keyOf(202), undefined],
      ]);
      // With a keepalive, the daemon starts a handshake at once, and does not wait for a packet.
      expect(daemon.peers[1]).toMatchObject({ persistentKeepalive: 25 });
    });
  });
});

/** An agent with two peers that have answered. */
async function started(settings: { rotateEveryMs?: number } = {}): Promise<AgentFixture> {
  const fixture = new AgentFixture({ settings });
  await fixture.start(recordOf(2), recordOf(3));
  await fixture.answer(2, 3);
  return fixture;
}
