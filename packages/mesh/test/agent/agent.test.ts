import { formatCidr, parseCidr } from '@litz/core';
import { describe, expect, it } from 'vitest';
import type { PrefixSource } from '../../src/agent/prefix-source.ts';
import { RecordError } from '../../src/record/node-record.ts';
import { keyOf, recordOf } from '../records.ts';
import { AgentFixture, gate, pass } from './agent-fixture.ts';

describe('Agent', () => {
  describe('at its start', () => {
    it('programs the daemon, then changes the machine, then writes its own record, once each', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2));
      expect(fixture.log).toEqual([
        'daemon: listenPort peers privateKey',
        'host: permissive',
        'registry: 1',
      ]);
      expect(fixture.agent.isReady).toBe(true);
      expect(fixture.record).toMatchObject({ addresses: ['192.0.2.1'], port: 51871 });
    });

    it('does not change the machine until the registry was read', async () => {
      const fixture = new AgentFixture();
      fixture.daemon.starts();
      fixture.agent.start();
      await pass(60_000);
      expect(fixture.log).toEqual([]);
      expect(fixture.agent.isReady).toBe(false);
      fixture.registry.sync();
      await pass(100);
      expect(fixture.log).toHaveLength(3);
    });

    it('changes the machine even if there is no daemon, but is not ready', async () => {
      const fixture = new AgentFixture();
      fixture.agent.start();
      fixture.registry.sync();
      await pass(1000);
      expect(fixture.log).toEqual(['host: permissive', 'registry: 1']);
      expect(fixture.agent.isReady).toBe(false);
      fixture.daemon.starts();
      await pass(300);
      expect(fixture.log.at(-1)).toBe('daemon: listenPort privateKey');
      expect(fixture.agent.isReady).toBe(true);
    });

    it('sends the daemon nothing but peers if nothing has changed since the previous agent ended', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2));
      await fixture.answer(2);
      const { log, daemon } = fixture;
      const { length } = log;
      await fixture.replace();
      fixture.agent.start();
      fixture.registry.sync();
      await pass(60_000);
      expect(log.slice(length).filter((line) => !line.startsWith('daemon: peers'))).toEqual([]);
      expect(daemon.peers).toMatchObject([{ session: {} }]);
    });

    it('keeps the prefixes of a peer, even if a node with an older key claims them', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2));
      await fixture.replace();
      const keys = [{ ...recordOf(3).keys[0], createdAt: 1 }];
      const thief = recordOf(3, { prefixes: recordOf(2).prefixes, keys });
      fixture.registry.records.set('n3', thief);
      fixture.agent.start();
      fixture.registry.sync();
      await pass(1000);
      const { peers } = await fixture.agent.status();
      expect(peers.map(({ name, state }) => `${name} ${state}`)).toEqual([
        'n2 waiting',
        'n3 refused',
      ]);
      expect(fixture.said.join('\n')).toMatch(/record of node n3 is refused: prefixes\[0\]: .*n2/);
    });

    it('keeps a peer whose record expired while no agent ran', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2));
      await fixture.answer(2);
      await fixture.replace();
      fixture.registry.records.delete('n2');
      fixture.agent.start();
      fixture.registry.sync();
      await pass(1000);
      const { peers } = await fixture.agent.status();
      expect(peers).toMatchObject([{ name: 'n2', state: 'connected', isListed: false }]);
    });

    it('keeps a peer whose record expired before the first complete list', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2));
      await fixture.answer(2);
      await fixture.replace();
      fixture.agent.start();
      fixture.registry.loses('n2', 'expired');
      fixture.registry.sync();
      await pass(1000);
      const { peers } = await fixture.agent.status();
      expect(peers).toMatchObject([{ name: 'n2', state: 'connected', isListed: false }]);
    });

    it('removes a peer whose deletion the registry reports before the first complete list', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2));
      await fixture.answer(2);
      await fixture.replace();
      fixture.agent.start();
      fixture.registry.loses('n2', 'deleted');
      fixture.registry.sync();
      await pass(1000);
      expect((await fixture.agent.status()).peers).toEqual([]);
      expect(fixture.daemon.peers).toEqual([]);
    });

    it('removes a peer that is missing from the list, if missing means deleted in this registry', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2));
      await fixture.answer(2);
      await fixture.replace();
      fixture.registry.missingMeans = 'deleted';
      fixture.registry.records.delete('n2');
      fixture.agent.start();
      fixture.registry.sync();
      await pass(1000);
      expect((await fixture.agent.status()).peers).toEqual([]);
      expect(fixture.daemon.peers).toEqual([]);
    });

    it('waits for its own prefixes before it changes the machine', async () => {
      let tell: (() => void) | undefined;
      const fixture = new AgentFixture({
        prefixes: {
          description: 'late',
          follow: (listener) => {
            listener.onTrouble('not yet');
            tell = () => listener.onPrefixes([parseCidr('10.244.1.0/24')]);
          },
          close: () => {},
        },
      });
      await fixture.start();
      expect(fixture.log).toEqual(['daemon: listenPort privateKey']);
      expect(fixture.agent.events.troubles).toEqual(['own prefixes: not yet']);
      tell?.();
      await pass(100);
      expect(fixture.log.slice(1)).toEqual(['host: permissive', 'registry: 1']);
    });

    it('waits for the addresses of the registry before it changes the machine, if the mode needs them', async () => {
      const fixture = new AgentFixture({ settings: { mode: 'nodes' } });
      fixture.registry.serverAddresses = [{ address: '192.0.2.100', port: 6443 }];
      const { shut, open } = gate();
      fixture.registry.gate = shut;
      await fixture.start(recordOf(2, { encryptsNode: true }));
      expect(fixture.log).toEqual(['daemon: listenPort peers privateKey']);
      open();
      await pass(100);
      expect(fixture.log.slice(1)).toEqual(['registry: 1', 'daemon: fwmark', 'host: permissive']);
      expect((await fixture.agent.status()).node.exceptions).toEqual([
        expect.stringContaining('192.0.2.100'),
      ]);
    });
  });

  describe('with its daemon', () => {
    it('routes no packets into the tunnel after the daemon has died', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2));
      await fixture.answer(2);
      expect(fixture.wayTo(2)).toBe('tunnel');
      fixture.daemon.ends();
      fixture.host.machine.loseLink();
      await pass(100);
      expect([fixture.wayTo(2), fixture.agent.isReady]).toEqual(['main', false]);
    });

    it('refuses the packets to a peer after the daemon has died, if the agent enforces', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2));
      await fixture.answer(2);
      await fixture.agent.setEnforcement('enforce');
      fixture.daemon.ends();
      fixture.host.machine.loseLink();
      await pass(60_000);
      expect(fixture.wayTo(2)).toBe('refused');
      expect((await fixture.agent.status()).node.enforcement).toBe('enforce');
    });

    it('sends everything in one request when the daemon comes back, and adds the routes of a peer when the peer answers', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2), recordOf(3));
      await fixture.answer(2);
      const own = fixture.daemon.own;
      fixture.daemon.ends();
      await pass(5000);
      const { length } = fixture.log;
      fixture.daemon.starts();
      await pass(300);
      expect(fixture.log.slice(length)).toEqual(['daemon: listenPort peers privateKey']);
      expect(fixture.daemon.own).toEqual(own);
      expect(fixture.daemon.peers.map(({ publicKey }) => publicKey)).toEqual([keyOf(2), keyOf(3)]);
      expect(fixture.wayTo(2)).toBe('main');
      await fixture.answer(2);
      expect([fixture.wayTo(2), fixture.wayTo(3)]).toEqual(['tunnel', 'main']);
    });

    it('sends a refused request again until the daemon accepts it', async () => {
      const fixture = new AgentFixture();
      fixture.daemon.refusal = new Error('errno -98');
      await fixture.start(recordOf(2));
      expect(fixture.agent.events.troubles).toEqual(['daemon: errno -98']);
      fixture.daemon.refusal = undefined;
      await pass(1000);
      expect(fixture.daemon.peers).toHaveLength(1);
      expect(fixture.agent.events.troubles).toEqual([]);
    });
  });

  describe('with its registry', () => {
    it('keeps routes and record while the registry cannot be reached, and ends the trouble when the registry is back', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2));
      await fixture.answer(2);
      const { length } = fixture.log;
      fixture.registry.isLost();
      await fixture.agent.setMode('all');
      await pass(30 * 60_000);
      expect(fixture.wayTo(2)).toBe('tunnel');
      expect(fixture.registry.written).toHaveLength(1);
      expect((await fixture.agent.status()).registry.trouble).toBe('connection refused');
      fixture.registry.sync();
      await pass(100);
      expect(fixture.log.slice(length).filter((line) => line.startsWith('registry'))).toEqual([]);
      expect((await fixture.agent.status()).registry.trouble).toBeUndefined();
    });

    it('keeps a node whose record has expired as long as its sessions are renewed', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2), recordOf(3));
      await fixture.answer(2, 3);
      fixture.registry.loses('n2', 'expired');
      fixture.registry.loses('n3', 'expired');
      for (let i = 0; i < 10; i++) {
        await pass(60_000);
        fixture.daemon.hasSession(keyOf(2));
      }
      expect((await fixture.agent.status()).peers.map(({ name }) => name)).toEqual(['n2']);
      expect(fixture.said).toContainEqual(expect.stringMatching(/n3.*sessions/));
    });

    it('removes a peer at once when its record is deleted', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2), recordOf(3));
      await fixture.answer(2, 3);
      fixture.registry.loses('n2', 'deleted');
      await pass(100);
      expect(fixture.daemon.peers.map(({ publicKey }) => publicKey)).toEqual([keyOf(3)]);
      expect([fixture.wayTo(2), fixture.wayTo(3)]).toEqual(['main', 'tunnel']);
    });

    it('keeps the last valid record of a node when its record becomes invalid, and keeps all other nodes', async () => {
      const fixture = new AgentFixture();
      await fixture.start(recordOf(2));
      await fixture.answer(2);
      fixture.registry.has('n2', new RecordError('n2', 'prefixes[0]', 'is no prefix'));
      fixture.registry.has('n3', new RecordError('n3', 'keys[0].publicKey', 'is all zeros'));
      fixture.registry.has('n4', recordOf(4));
      await pass(100);
      await fixture.answer(4);
      expect([fixture.wayTo(2), fixture.wayTo(4)]).toEqual(['tunnel', 'tunnel']);
      const { peers } = await fixture.agent.status();
      expect(peers.map(({ name, state, reason }) => `${name} ${state} ${reason}`)).toEqual([
        'n2 connected prefixes[0]: is no prefix',
        'n3 refused keys[0].publicKey: is all zeros',
        'n4 connected undefined',
      ]);
      fixture.registry.has('n3', recordOf(3));
      await pass(100);
      expect((await fixture.agent.status()).peers[1]).toMatchObject({
        name: 'n3',
        state: 'waiting',
      });
    });

    it('writes its own record again when another writer has made the record invalid', async () => {
      const fixture = new AgentFixture();
      await fixture.start();
      fixture.registry.has('n1', new RecordError('n1', '(record)', 'is no JSON'));
      await pass(100);
      expect(fixture.registry.written).toHaveLength(2);
      expect(fixture.published).toEqual([1]);
    });

    it('reports why the registry refuses its own record, and tries again', async () => {
      const fixture = new AgentFixture();
      const follow = fixture.registry.publish.bind(fixture.registry);
      fixture.registry.publish = () => Promise.reject(new Error('needs the right to create'));
      await fixture.start();
      expect(fixture.agent.events.troubles).toEqual(['own record: needs the right to create']);
      fixture.registry.publish = follow;
      await pass(4000);
      expect(fixture.agent.events.troubles).toEqual([]);
      expect(fixture.published).toEqual([1]);
    });

    it('does not write its own record again after somebody deleted the record, until the agent is started again', async () => {
      const fixture = new AgentFixture();
      await fixture.start();
      fixture.registry.loses('n1', 'deleted');
      fixture.registry.sync();
      await pass(600_000);
      expect(fixture.record).toBeUndefined();
      expect(fixture.agent.events.troubles).toEqual([
        expect.stringMatching(/own record.*restart the agent/),
      ]);
      await fixture.replace();
      fixture.agent.start();
      fixture.registry.sync();
      await pass(1000);
      expect(fixture.published).toEqual([1]);
    });

    it('joins again when its deleted record appears in the registry again', async () => {
      const fixture = new AgentFixture();
      await fixture.start();
      const { record } = fixture;
      fixture.registry.loses('n1', 'deleted');
      await pass(1000);
      fixture.registry.has('n1', { ...record!, port: 1 });
      await pass(1000);
      expect(fixture.agent.events.troubles).toEqual([]);
      expect(fixture.record).toMatchObject({ port: 51871 });
    });

    it('reports that another machine overwrites its own record, and waits longer between its own writes', async () => {
      const fixture = new AgentFixture();
      const publish = fixture.registry.publish.bind(fixture.registry);
      fixture.registry.publish = async (record) => {
        await publish(record);
        setTimeout(() => fixture.registry.has('n1', recordOf(1)), 20);
      };
      await fixture.start();
      await pass(60_000);
      expect(fixture.registry.written.length).toBeGreaterThan(3);
      expect(fixture.registry.written.length).toBeLessThan(12);
      expect(fixture.said).toContainEqual(
        expect.stringContaining('start the agent of one of the two with another --node name'),
      );
      fixture.registry.publish = publish;
      await pass(60_000);
      expect(fixture.record?.keys).not.toEqual(recordOf(1).keys);
    });

    it('corrects its own record if another writer changes it during a write', async () => {
      const fixture = new AgentFixture();
      const publish = fixture.registry.publish.bind(fixture.registry);
      let isFirst = true;
      fixture.registry.publish = async (record) => {
        await publish(record);
        if (isFirst) fixture.registry.has('n1', recordOf(1));
        isFirst = false;
      };
      await fixture.start();
      await pass(5000);
      expect(fixture.record?.keys).not.toEqual(recordOf(1).keys);
    });

    it('writes nothing if this node is removed while a write waits for its retry', async () => {
      const fixture = new AgentFixture();
      await fixture.start();
      fixture.registry.trouble = 'connection refused';
      await fixture.agent.setMode('all');
      fixture.agent.rotateKey();
      await pass(1500);
      fixture.registry.trouble = undefined;
      fixture.registry.loses('n1', 'deleted');
      await pass(600_000);
      expect(fixture.record).toBeUndefined();
    });
  });

  it('reads the machine again after a failure', async () => {
    const fixture = new AgentFixture();
    await fixture.start(recordOf(2));
    fixture.host.underlayFailure = new Error('no answer');
    fixture.host.listener?.onUnderlay();
    await pass(100);
    expect(fixture.agent.events.troubles).toEqual(['agent: no answer']);
    fixture.host.underlayFailure = undefined;
    const { looks } = fixture.host;
    await pass(2100);
    expect(fixture.host.looks).toBe(looks + 1);
    expect(fixture.agent.events.troubles).toEqual([]);
  });

  it('reports that a change by another program was undone', async () => {
    const fixture = new AgentFixture();
    await fixture.start(recordOf(2));
    await fixture.answer(2);
    fixture.host.machine.rules.clear();
    expect(fixture.wayTo(2)).toBe('main');
    fixture.host.isChangedBySomebody();
    expect(fixture.wayTo(2)).toBe('tunnel');
    expect(fixture.said.at(-1)).toContain(
      'another program changed the network settings of the mesh; they were restored in ',
    );
    expect(fixture.agent.events.troubles).toEqual([]);
  });

  it('neither uses nor publishes prefixes that the other nodes would refuse, and keeps the previous prefixes', async () => {
    let tell!: (text: string) => void;
    const prefixes: PrefixSource = {
      description: 'a test',
      follow: (listener) => (tell = (text) => listener.onPrefixes([parseCidr(text)])),
      close: () => {},
    };
    const fixture = new AgentFixture({ prefixes });
    await fixture.start(recordOf(2));
    for (const bad of ['10.0.0.0/8', '192.0.2.0/24', '127.1.0.0/16', '10.9.1.0/24']) {
      tell(bad);
      await pass(1000);
      expect(fixture.agent.events.troubles).toEqual([
        expect.stringContaining('prefixes of this node: the other nodes would refuse this node'),
      ]);
      expect([fixture.record, fixture.host.machine.routes.size]).toEqual([undefined, 0]);
    }
    tell('10.244.1.0/24');
    await pass(1000);
    expect(fixture.agent.events.troubles).toEqual([]);
    tell('0.0.0.0/0');
    await pass(1000);
    expect(fixture.record?.prefixes.map(formatCidr)).toEqual(['10.244.1.0/24']);
  });

  it('retries failed steps with growing pauses until they succeed', async () => {
    const fixture = new AgentFixture();
    fixture.host.troubles = ['could not load the nftables ruleset: no answer for 10000 ms'];
    await fixture.start(recordOf(2));
    await fixture.answer(2);
    expect(fixture.agent.events.troubles).toHaveLength(1);
    const { applies } = fixture.host;
    await pass(3_600_000);
    expect(fixture.host.applies - applies).toBeGreaterThan(60);
    expect(fixture.host.applies - applies).toBeLessThan(70);
    fixture.host.troubles = [];
    await pass(60_000);
    expect(fixture.agent.events.troubles).toEqual([]);
    const { applies: enough } = fixture.host;
    await pass(3_600_000);
    // The few remaining passes follow the reads of the registry's addresses, every ten minutes.
    expect(fixture.host.applies - enough).toBeLessThan(10);
  });

  it('restores later what could not be restored at once', async () => {
    const fixture = new AgentFixture();
    await fixture.start(recordOf(2));
    await fixture.answer(2);
    fixture.host.machine.rules.clear();
    fixture.host.listener?.onTrouble('could not add rule: ENOBUFS');
    await pass(3000);
    expect(fixture.host.machine.rules.size).toBeGreaterThan(0);
    expect(fixture.agent.events.troubles).toEqual([]);
  });

  it('reports that another program undoes the settings of the mesh, until the program stops doing so', async () => {
    const fixture = new AgentFixture();
    await fixture.start(recordOf(2));
    await fixture.answer(2);
    for (let i = 0; i < 60; i++) {
      fixture.host.machine.rules.clear();
      fixture.host.isChangedBySomebody();
    }
    expect(fixture.agent.events.troubles).toEqual([
      expect.stringContaining(
        'repairs: another program undoes the network settings of the mesh again and again',
      ),
    ]);
    await pass(9000);
    expect(fixture.agent.events.troubles).toHaveLength(1);
    await pass(2000);
    expect(fixture.agent.events.troubles).toEqual([]);
  });
});
