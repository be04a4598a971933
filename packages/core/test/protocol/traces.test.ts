import { createPair, createPerson, packetBetween, type SimulatedNode } from '@litz/testkit';
import { describe, expect, it } from 'vitest';

describe('traces', () => {
  it('report each step of a handshake, on both sides', () => {
    const { network, alice, bob } = createPair();
    alice.engine.traces = bob.engine.traces = true;
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect(steps(alice)).toEqual(['initiation-sent 1', 'response-received 1', 'keypair-created 1']);
    expect(steps(bob)).toEqual(['initiation-received 0', 'response-sent 0', 'keypair-created 0']);
    expect(alice.eventsOf('trace')[0]?.peer).toEqual(bob.person.publicKey);
  });

  it('count initiations without an answer, and report when the engine gives up', () => {
    const { network, alice, bob } = createPair();
    alice.engine.traces = true;
    network.loses = () => true;
    alice.send(packetBetween(alice, bob));
    network.drive(200_000);
    expect(steps(alice).slice(0, 3)).toEqual([
      'initiation-sent 1',
      'retrying 1',
      'initiation-sent 2',
    ]);
    expect(steps(alice).filter((step) => step.startsWith('initiation-sent'))).toHaveLength(20);
    expect(steps(alice).at(-1)).toBe('gave-up 20');
  });

  it('report that sent data had no answer, and that keys were wiped', () => {
    const { network, alice, bob } = createPair();
    alice.send(packetBetween(alice, bob));
    network.settle();
    alice.engine.traces = true;
    network.loses = () => true;
    alice.send(packetBetween(alice, bob));
    network.drive(20_000);
    expect(steps(alice).slice(0, 2)).toEqual(['not-heard 0', 'initiation-sent 1']);
    network.drive(600_000);
    expect(steps(alice)).toContain('keys-removed 20');
  });

  it('report that peers are added and removed', () => {
    const { network, alice } = createPair();
    alice.engine.traces = true;
    const { publicKey } = createPerson(9);
    alice.engine.configure({ peers: [{ publicKey }] }, network.now);
    alice.engine.configure({ peers: [{ publicKey, persistentKeepalive: 5 }] }, network.now);
    alice.engine.configure({ peers: [{ publicKey, remove: true }] }, network.now);
    const told = [alice.engine.pollEvent(), alice.engine.pollEvent()];
    expect(told).toMatchObject([
      { type: 'trace', peer: publicKey, step: 'peer-added' },
      { type: 'trace', peer: publicKey, step: 'peer-removed' },
    ]);
  });

  it('are emitted only while they are turned on', () => {
    const { network, alice, bob } = createPair();
    alice.send(packetBetween(alice, bob));
    network.settle();
    bob.engine.traces = true;
    expect(bob.engine.traces).toBe(true);
    bob.engine.traces = false;
    network.drive(130_000);
    alice.send(packetBetween(alice, bob));
    network.settle();
    expect([...steps(alice), ...steps(bob)]).toEqual([]);
  });
});

describe('drops', () => {
  it('report the source of a handshake message for another key', () => {
    const { network, alice, bob } = createPair();
    bob.engine.configure({ privateKey: createPerson(9).privateKey }, network.now);
    alice.send(packetBetween(alice, bob));
    network.settle();
    const { drops } = bob.engine.stats;
    expect(drops.count('bad-mac1')).toBe(1);
    const { lastPeer, lastSource } = drops.takeDetails('bad-mac1');
    expect(lastPeer).toBeUndefined();
    expect(lastSource?.sameDestination(alice.endpoint)).toBe(true);
    expect(drops.takeDetails('bad-mac1')).toEqual({ lastPeer: undefined, lastSource: undefined });
  });

  it('report which peer sent a packet with a wrong source address', () => {
    const { network, alice, bob } = createPair();
    const packet = packetBetween(alice, bob);
    // The last byte of an IPv4 source.
    packet[15] ^= 0xff;
    alice.send(packet);
    network.settle();
    const { drops } = bob.engine.stats;
    expect(drops.count('disallowed-source')).toBe(1);
    expect(drops.takeDetails('disallowed-source').lastPeer).toEqual(alice.person.publicKey);
  });

  it('report the peer of staged packets that are dropped', () => {
    const { network, alice, bob } = createPair();
    network.loses = () => true;
    alice.send(packetBetween(alice, bob));
    network.drive(200_000);
    const { drops } = alice.engine.stats;
    expect(drops.takeDetails('handshake-timeout').lastPeer).toEqual(bob.person.publicKey);
  });
});

function steps(node: SimulatedNode): string[] {
  return node.eventsOf('trace').map(({ step, sends }) => `${step} ${sends}`);
}
