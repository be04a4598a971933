import { createPerson, joinNetwork, packetBetween, SimulatedNetwork } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { createInitiationBudget, createProbeBudget } from '../../src/flow/initiation-turns.ts';
import { Endpoint, nobleProvider, publicKeyOf } from '../../src/index.ts';
import { MESSAGE_TYPE } from '../../src/internals.ts';

const PEERS = Number(process.env['LITZ_TEST_PEERS'] ?? 200);

describe('an engine with many peers', () => {
  it('at link-up, sends one initiation to each peer with a persistent keepalive, and spreads them over time', () => {
    const { network, node } = linkDownWith(PEERS);
    const start = network.now;
    node.input((engine, now) => engine.linkUp(now));
    const atOnce = initiations(node).length;
    expect(atOnce).toBeGreaterThan(5);
    expect(atOnce).toBeLessThan(25);
    network.drive(1);
    expect(initiations(node).length - atOnce).toBeLessThan(6);
    network.drive(100);
    expect(initiations(node)).toHaveLength(PEERS);
    expect(new Set(destinations(initiations(node))).size).toBe(PEERS);
    // An initiation costs 0.12 ms, and the share is 0.4, so there is one initiation every 0.3 ms.
    const last = Math.max(...initiations(node).map(({ at }) => at));
    expect(last - start).toBeGreaterThan((PEERS - 30) * 0.3);
    expect(last - start).toBeLessThan(PEERS * 0.3 + 1);
  });

  it('spreads the retries too, and sends each at least 5 s after the first initiation', () => {
    const { network, node } = linkDownWith(PEERS);
    node.input((engine, now) => engine.linkUp(now));
    network.drive(1000);
    const first = initiations(node).slice();
    network.eavesdropper.forget();
    network.drive(5500);
    const second = initiations(node);
    expect(second).toHaveLength(PEERS);
    const sentAt = new Map(destinations(first).map((to, i) => [to, first[i]?.at ?? 0]));
    destinations(second).forEach((to, i) => {
      expect((second[i]?.at ?? 0) - (sentAt.get(to) ?? 0)).toBeGreaterThanOrEqual(5000);
    });
  });

  it('does not delay an initiation that a packet waits for', () => {
    const { network, node, people } = linkDownWith(PEERS);
    node.input((engine, now) => engine.linkUp(now));
    network.eavesdropper.forget();
    const last = people.at(-1) ?? createPerson(1);
    node.send(packetBetween(node, { person: last }));
    expect(initiations(node).map(({ to }) => to.port)).toEqual([last.endpoint.port]);
    network.drive(4000);
    const again = initiations(node).filter(({ to }) => to.port === last.endpoint.port);
    expect(again).toHaveLength(1);
  });

  it('forgets turns when the link goes down', () => {
    const { network, node } = linkDownWith(PEERS);
    node.input((engine, now) => engine.linkUp(now));
    node.input((engine, now) => engine.linkDown(now));
    network.drive(9000);
    network.eavesdropper.forget();
    node.input((engine, now) => engine.linkUp(now));
    expect(initiations(node).length).toBeLessThan(25);
    network.drive(100);
    expect(initiations(node)).toHaveLength(PEERS);
  });

  it('sends few initiations at once, also when the caller is late', () => {
    const { network, node } = linkDownWith(PEERS);
    node.input((engine, now) => engine.linkUp(now));
    network.eavesdropper.forget();
    // Half of the turns are due.
    const late = network.now + (PEERS * 0.3) / 2;
    node.input((engine) => engine.handleTimeout(late));
    expect(initiations(node).length).toBeGreaterThan(5);
    expect(initiations(node).length).toBeLessThan(25);
    expect(node.engine.pollTimeout()).toBeGreaterThan(late);
    expect(node.engine.pollTimeout()).toBeLessThan(late + 1);
  });

  it('makes pollTimeout return a time less than 1 ms away, but later than now', () => {
    const { network, node } = linkDownWith(PEERS);
    node.input((engine, now) => engine.linkUp(now));
    const next = node.engine.pollTimeout();
    expect(next).toBeGreaterThan(network.now);
    expect(next).toBeLessThan(network.now + 1);
  });
});

function linkDownWith(count: number) {
  const network = new SimulatedNetwork();
  const node = joinNetwork(network, createPerson(1));
  node.input((engine, now) => engine.linkDown(now));
  const people = Array.from({ length: count }, (_, i) => personAt(i));
  node.input((engine, now) => {
    const peers = people.map(({ publicKey, endpoint, ipv4 }) => ({
      publicKey,
      endpoint,
      persistentKeepalive: 25,
      allowedIps: [{ address: ipv4, prefixLength: 32 }],
    }));
    engine.configure({ peers }, now);
  });
  return { network, node, people };
}

function personAt(i: number): ReturnType<typeof createPerson> {
  const person = createPerson(2 + i);
  return {
    ...person,
    publicKey: publicKeyOf(person.privateKey, nobleProvider),
    endpoint: new Endpoint(Uint8Array.of(203, 0, 113, 1), 1000 + i),
    ipv4: Uint8Array.of(10, 9, i >> 8, i & 0xff),
  };
}

function initiations(node: ReturnType<typeof joinNetwork>) {
  return node.network.eavesdropper.of(MESSAGE_TYPE.HANDSHAKE_INITIATION, node);
}

function destinations(datagrams: { to: Endpoint }[]): number[] {
  return datagrams.map(({ to }) => to.port);
}

describe('createProbeBudget', () => {
  it('returns a budget that gets half as much of the time as the budget for initiations', () => {
    const lasts = [createInitiationBudget(), createProbeBudget()].map((budget) => {
      const holders = Array.from({ length: 100 }, () => ({ turnAt: Infinity }));
      for (const holder of holders) {
        if (budget.isItsTurn(holder, 1000)) budget.spendTurn(holder, 1000);
      }
      return holders.at(-1)!.turnAt - 1000;
    });
    expect(lasts[0]).toBeCloseTo(99 * 0.3 - 5);
    expect(lasts[1]).toBeCloseTo(99 * 0.6 - 10);
  });
});
