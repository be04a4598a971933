import { formatCidr, parseCidr } from '@litz/core';
import { describe, expect, it } from 'vitest';
import type { PrefixSource } from '../../src/agent/prefix-source.ts';
import { RecordError } from '../../src/record/node-record.ts';
import { keyOf, recordOf } from '../records.ts';
import { AgentGround, gate, pass } from './agent-ground.ts';

describe('Agent', () => {
  describe('starts', () => {
    it('with the daemon, then the machine, then the own record, once each', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2));
      expect(ground.log).toEqual([
        'daemon: listenPort peers privateKey',
        'host: permissive',
        'registry: 1',
      ]);
      expect(ground.agent.isReady).toBe(true);
      expect(ground.record).toMatchObject({ addresses: ['192.0.2.1'], port: 51871 });
    });

    it('by leaving the machine alone until the registry was read', async () => {
      const ground = new AgentGround();
      ground.daemon.starts();
      ground.agent.start();
      await pass(60_000);
      expect(ground.log).toEqual([]);
      expect(ground.agent.isReady).toBe(false);
      ground.registry.sync();
      await pass(100);
      expect(ground.log).toHaveLength(3);
    });

    it('by laying the machine before there is a daemon, and is not ready with that', async () => {
      const ground = new AgentGround();
      ground.agent.start();
      ground.registry.sync();
      await pass(1000);
      expect(ground.log).toEqual(['host: permissive', 'registry: 1']);
      expect(ground.agent.isReady).toBe(false);
      ground.daemon.starts();
      await pass(300);
      expect(ground.log.at(-1)).toBe('daemon: listenPort privateKey');
      expect(ground.agent.isReady).toBe(true);
    });

    it('without a change where all is as it is to be', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2));
      await ground.answer(2);
      const { log, daemon } = ground;
      const { length } = log;
      await ground.replace();
      ground.agent.start();
      ground.registry.sync();
      await pass(60_000);
      expect(log.slice(length).filter((line) => !line.startsWith('daemon: peers'))).toEqual([]);
      expect(daemon.peers).toMatchObject([{ session: {} }]);
    });

    it('and lets nobody take what a peer held before, however old the key of the newcomer looks', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2));
      await ground.replace();
      const keys = [{ ...recordOf(3).keys[0], createdAt: 1 }];
      const thief = recordOf(3, { prefixes: recordOf(2).prefixes, keys });
      ground.registry.records.set('n3', thief);
      ground.agent.start();
      ground.registry.sync();
      await pass(1000);
      const { peers } = await ground.agent.status();
      expect(peers.map(({ name, state }) => `${name} ${state}`)).toEqual([
        'n2 waiting',
        'n3 refused',
      ]);
      expect(ground.said.join('\n')).toMatch(/record of node n3 is refused: prefixes\[0\]: .*n2/);
    });

    it('and keeps a peer whose record expired while no agent ran', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2));
      await ground.answer(2);
      await ground.replace();
      ground.registry.records.delete('n2');
      ground.agent.start();
      ground.registry.sync();
      await pass(1000);
      const { peers } = await ground.agent.status();
      expect(peers).toMatchObject([{ name: 'n2', state: 'connected', isListed: false }]);
    });

    it('and removes a peer that was revoked while no agent ran', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2));
      await ground.answer(2);
      await ground.replace();
      ground.agent.start();
      ground.registry.loses('n2', 'deleted');
      ground.registry.sync();
      await pass(1000);
      expect((await ground.agent.status()).peers).toEqual([]);
      expect(ground.daemon.peers).toEqual([]);
    });

    it('and removes a peer whose object was deleted while no agent ran', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2));
      await ground.answer(2);
      await ground.replace();
      ground.registry.missingMeans = 'deleted';
      ground.registry.records.delete('n2');
      ground.agent.start();
      ground.registry.sync();
      await pass(1000);
      expect((await ground.agent.status()).peers).toEqual([]);
      expect(ground.daemon.peers).toEqual([]);
    });

    it('by waiting for its own prefixes', async () => {
      let tell: (() => void) | undefined;
      const ground = new AgentGround({
        prefixes: {
          description: 'late',
          follow: (listener) => {
            listener.onTrouble('not yet');
            tell = () => listener.onPrefixes([parseCidr('10.244.1.0/24')]);
          },
          close: () => {},
        },
      });
      await ground.start();
      expect(ground.log).toEqual(['daemon: listenPort privateKey']);
      expect(ground.agent.events.troubles).toEqual(['own prefixes: not yet']);
      tell?.();
      await pass(100);
      expect(ground.log.slice(1)).toEqual(['host: permissive', 'registry: 1']);
    });

    it('by waiting for the addresses of the registry where they decide about the way to it', async () => {
      const ground = new AgentGround({ settings: { mode: 'nodes' } });
      ground.registry.serverAddresses = [{ address: '192.0.2.100', port: 6443 }];
      const { shut, open } = gate();
      ground.registry.gate = shut;
      await ground.start(recordOf(2, { encryptsNode: true }));
      expect(ground.log).toEqual(['daemon: listenPort peers privateKey']);
      open();
      await pass(100);
      expect(ground.log.slice(1)).toEqual(['registry: 1', 'daemon: fwmark', 'host: permissive']);
      expect((await ground.agent.status()).node.exceptions).toEqual([
        expect.stringContaining('192.0.2.100'),
      ]);
    });
  });

  describe('when its daemon', () => {
    it('dies, sends nothing into a tunnel that is not there, and enforces all the same', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2));
      await ground.answer(2);
      expect(ground.wayTo(2)).toBe('tunnel');
      ground.daemon.ends();
      ground.host.machine.loseLink();
      await pass(100);
      expect([ground.wayTo(2), ground.agent.isReady]).toEqual(['main', false]);
    });

    it('dies under enforce, refuses what would go through it', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2));
      await ground.answer(2);
      await ground.agent.setEnforcement('enforce');
      ground.daemon.ends();
      ground.host.machine.loseLink();
      await pass(60_000);
      expect(ground.wayTo(2)).toBe('refused');
      expect((await ground.agent.status()).node.enforcement).toBe('enforce');
    });

    it('comes back, gives it everything in one request, and takes the routes when a peer answers', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2), recordOf(3));
      await ground.answer(2);
      const own = ground.daemon.own;
      ground.daemon.ends();
      await pass(5000);
      const { length } = ground.log;
      ground.daemon.starts();
      await pass(300);
      expect(ground.log.slice(length)).toEqual(['daemon: listenPort peers privateKey']);
      expect(ground.daemon.own).toEqual(own);
      expect(ground.daemon.peers.map(({ publicKey }) => publicKey)).toEqual([keyOf(2), keyOf(3)]);
      expect(ground.wayTo(2)).toBe('main');
      await ground.answer(2);
      expect([ground.wayTo(2), ground.wayTo(3)]).toEqual(['tunnel', 'main']);
    });

    it('refuses a request, asks again until it is taken', async () => {
      const ground = new AgentGround();
      ground.daemon.refusal = new Error('errno -98');
      await ground.start(recordOf(2));
      expect(ground.agent.events.troubles).toEqual(['daemon: errno -98']);
      ground.daemon.refusal = undefined;
      await pass(1000);
      expect(ground.daemon.peers).toHaveLength(1);
      expect(ground.agent.events.troubles).toEqual([]);
    });
  });

  describe('when the registry', () => {
    it('is lost, keeps everything as it is, and writes what it could not when it is back', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2));
      await ground.answer(2);
      const { length } = ground.log;
      ground.registry.isLost();
      await ground.agent.setMode('all');
      await pass(30 * 60_000);
      expect(ground.wayTo(2)).toBe('tunnel');
      expect(ground.registry.written).toHaveLength(1);
      expect((await ground.agent.status()).registry.trouble).toBe('connection refused');
      ground.registry.sync();
      await pass(100);
      expect(ground.log.slice(length).filter((line) => line.startsWith('registry'))).toEqual([]);
      expect((await ground.agent.status()).registry.trouble).toBeUndefined();
    });

    it('has no record of a node any more, keeps it while its sessions renew', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2), recordOf(3));
      await ground.answer(2, 3);
      ground.registry.loses('n2', 'expired');
      ground.registry.loses('n3', 'expired');
      for (let i = 0; i < 10; i++) {
        await pass(60_000);
        ground.daemon.hasSession(keyOf(2));
      }
      expect((await ground.agent.status()).peers.map(({ name }) => name)).toEqual(['n2']);
      expect(ground.said).toContainEqual(expect.stringMatching(/n3.*sessions/));
    });

    it('has the record of a node deleted, takes the peer away at once', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2), recordOf(3));
      await ground.answer(2, 3);
      ground.registry.loses('n2', 'deleted');
      await pass(100);
      expect(ground.daemon.peers.map(({ publicKey }) => publicKey)).toEqual([keyOf(3)]);
      expect([ground.wayTo(2), ground.wayTo(3)]).toEqual(['main', 'tunnel']);
    });

    it('has garbage, goes on with the last good state of that node and with all others', async () => {
      const ground = new AgentGround();
      await ground.start(recordOf(2));
      await ground.answer(2);
      ground.registry.has('n2', new RecordError('n2', 'prefixes[0]', 'is no prefix'));
      ground.registry.has('n3', new RecordError('n3', 'keys[0].publicKey', 'is all zeros'));
      ground.registry.has('n4', recordOf(4));
      await pass(100);
      await ground.answer(4);
      expect([ground.wayTo(2), ground.wayTo(4)]).toEqual(['tunnel', 'tunnel']);
      const { peers } = await ground.agent.status();
      expect(peers.map(({ name, state, reason }) => `${name} ${state} ${reason}`)).toEqual([
        'n2 connected prefixes[0]: is no prefix',
        'n3 refused keys[0].publicKey: is all zeros',
        'n4 connected undefined',
      ]);
      ground.registry.has('n3', recordOf(3));
      await pass(100);
      expect((await ground.agent.status()).peers[1]).toMatchObject({
        name: 'n3',
        state: 'waiting',
      });
    });

    it('has garbage in place of the own record, writes it anew', async () => {
      const ground = new AgentGround();
      await ground.start();
      ground.registry.has('n1', new RecordError('n1', '(record)', 'is no JSON'));
      await pass(100);
      expect(ground.registry.written).toHaveLength(2);
      expect(ground.published).toEqual([1]);
    });

    it('refuses the own record, says why and tries again', async () => {
      const ground = new AgentGround();
      const follow = ground.registry.publish.bind(ground.registry);
      ground.registry.publish = () => Promise.reject(new Error('needs the right to create'));
      await ground.start();
      expect(ground.agent.events.troubles).toEqual(['own record: needs the right to create']);
      ground.registry.publish = follow;
      await pass(4000);
      expect(ground.agent.events.troubles).toEqual([]);
      expect(ground.published).toEqual([1]);
    });

    it('has this node thrown out, stays out until it is started again', async () => {
      const ground = new AgentGround();
      await ground.start();
      ground.registry.loses('n1', 'deleted');
      ground.registry.sync();
      await pass(600_000);
      expect(ground.record).toBeUndefined();
      expect(ground.agent.events.troubles).toEqual([
        expect.stringMatching(/own record.*restart the agent/),
      ]);
      await ground.replace();
      ground.agent.start();
      ground.registry.sync();
      await pass(1000);
      expect(ground.published).toEqual([1]);
    });

    it('lets it in again when its record says revoked no more', async () => {
      const ground = new AgentGround();
      await ground.start();
      const { record } = ground;
      ground.registry.loses('n1', 'deleted');
      await pass(1000);
      ground.registry.has('n1', { ...record!, port: 1 });
      await pass(1000);
      expect(ground.agent.events.troubles).toEqual([]);
      expect(ground.record).toMatchObject({ port: 51871 });
    });

    it('has its record written by another machine again and again, says so and does not race', async () => {
      const ground = new AgentGround();
      const publish = ground.registry.publish.bind(ground.registry);
      ground.registry.publish = async (record) => {
        await publish(record);
        setTimeout(() => ground.registry.has('n1', recordOf(1)), 20);
      };
      await ground.start();
      await pass(60_000);
      expect(ground.registry.written.length).toBeGreaterThan(3);
      expect(ground.registry.written.length).toBeLessThan(12);
      expect(ground.said).toContainEqual(
        expect.stringContaining('start the agent of one of the two with another --node name'),
      );
      ground.registry.publish = publish;
      await pass(60_000);
      expect(ground.record?.keys).not.toEqual(recordOf(1).keys);
    });

    it('tells of another writer while it takes a record, has that one corrected', async () => {
      const ground = new AgentGround();
      const publish = ground.registry.publish.bind(ground.registry);
      let isFirst = true;
      ground.registry.publish = async (record) => {
        await publish(record);
        if (isFirst) ground.registry.has('n1', recordOf(1));
        isFirst = false;
      };
      await ground.start();
      await pass(5000);
      expect(ground.record?.keys).not.toEqual(recordOf(1).keys);
    });

    it('has this node thrown out while a write of it waits to be tried again, does not write it', async () => {
      const ground = new AgentGround();
      await ground.start();
      ground.registry.trouble = 'connection refused';
      await ground.agent.setMode('all');
      ground.agent.rotateKey();
      await pass(1500);
      ground.registry.trouble = undefined;
      ground.registry.loses('n1', 'deleted');
      await pass(600_000);
      expect(ground.record).toBeUndefined();
    });
  });

  it('looks at the machine again when a look at it has failed', async () => {
    const ground = new AgentGround();
    await ground.start(recordOf(2));
    ground.host.factsFailure = new Error('no answer');
    ground.host.listener?.onUnderlay();
    await pass(100);
    expect(ground.agent.events.troubles).toEqual(['agent: no answer']);
    ground.host.factsFailure = undefined;
    const { looks } = ground.host;
    await pass(2100);
    expect(ground.host.looks).toBe(looks + 1);
    expect(ground.agent.events.troubles).toEqual([]);
  });

  it('has what somebody changes on the machine put back, and says so', async () => {
    const ground = new AgentGround();
    await ground.start(recordOf(2));
    await ground.answer(2);
    ground.host.machine.rules.clear();
    expect(ground.wayTo(2)).toBe('main');
    ground.host.isChangedBySomebody();
    expect(ground.wayTo(2)).toBe('tunnel');
    expect(ground.said.at(-1)).toContain(
      'another program changed the network settings of the mesh; they were restored in ',
    );
    expect(ground.agent.events.troubles).toEqual([]);
  });

  it('lays and tells no prefixes that the others would refuse, and keeps those that it has', async () => {
    let tell!: (text: string) => void;
    const prefixes: PrefixSource = {
      description: 'a test',
      follow: (listener) => (tell = (text) => listener.onPrefixes([parseCidr(text)])),
      close: () => {},
    };
    const ground = new AgentGround({ prefixes });
    await ground.start(recordOf(2));
    for (const bad of ['10.0.0.0/8', '192.0.2.0/24', '127.1.0.0/16', '10.9.1.0/24']) {
      tell(bad);
      await pass(1000);
      expect(ground.agent.events.troubles).toEqual([
        expect.stringContaining('prefixes of this node: the other nodes would refuse this node'),
      ]);
      expect([ground.record, ground.host.machine.routes.size]).toEqual([undefined, 0]);
    }
    tell('10.244.1.0/24');
    await pass(1000);
    expect(ground.agent.events.troubles).toEqual([]);
    tell('0.0.0.0/0');
    await pass(1000);
    expect(ground.record?.prefixes.map(formatCidr)).toEqual(['10.244.1.0/24']);
  });

  it('tries again what the machine could not do, less and less often, until it can', async () => {
    const ground = new AgentGround();
    ground.host.troubles = ['could not load the nftables ruleset: no answer for 10000 ms'];
    await ground.start(recordOf(2));
    await ground.answer(2);
    expect(ground.agent.events.troubles).toHaveLength(1);
    const { applies } = ground.host;
    await pass(3_600_000);
    expect(ground.host.applies - applies).toBeGreaterThan(60);
    expect(ground.host.applies - applies).toBeLessThan(70);
    ground.host.troubles = [];
    await pass(60_000);
    expect(ground.agent.events.troubles).toEqual([]);
    const { applies: enough } = ground.host;
    await pass(3_600_000);
    // The registry's addresses are looked at every ten minutes.
    expect(ground.host.applies - enough).toBeLessThan(10);
  });

  it('puts back later what could not be put back when somebody took it away', async () => {
    const ground = new AgentGround();
    await ground.start(recordOf(2));
    await ground.answer(2);
    ground.host.machine.rules.clear();
    ground.host.listener?.onTrouble('could not add rule: ENOBUFS');
    await pass(3000);
    expect(ground.host.machine.rules.size).toBeGreaterThan(0);
    expect(ground.agent.events.troubles).toEqual([]);
  });

  it('says that somebody is at odds with it, until that ends', async () => {
    const ground = new AgentGround();
    await ground.start(recordOf(2));
    await ground.answer(2);
    for (let i = 0; i < 60; i++) {
      ground.host.machine.rules.clear();
      ground.host.isChangedBySomebody();
    }
    expect(ground.agent.events.troubles).toEqual([
      expect.stringContaining(
        'repairs: another program undoes the network settings of the mesh again and again',
      ),
    ]);
    await pass(9000);
    expect(ground.agent.events.troubles).toHaveLength(1);
    await pass(2000);
    expect(ground.agent.events.troubles).toEqual([]);
  });
});
