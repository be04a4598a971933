import { createPerson, ipPacket } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { checkChange, prepareInSteps } from '../src/engine-in-steps.ts';
import type { EngineChange } from '../src/configuration.ts';
import type { Engine } from '../src/engine.ts';
import { parsePublicKey, type PublicKey } from '../src/keys.ts';
import type { Steps } from '../src/steps.ts';
import { withSession, type WithSession } from './flow/with-session.ts';

describe('prepareInSteps', () => {
  it('does what configure does', () => {
    const [atOnce, inSteps] = [withSession(), withSession()];
    const change = {
      peers: [
        { publicKey: keyOf(1), allowedIps: ['10.1.0.0/16', '10.2.0.0/16'], persistentKeepalive: 7 },
        { publicKey: keyOf(2), endpoint: '192.0.2.1:5', allowedIps: ['10.1.0.0/16'] },
        { publicKey: keyOf(1), replaceAllowedIps: true, allowedIps: ['10.3.0.0/16'] },
        { publicKey: atOnce.bob.person.publicKey, remove: true },
      ],
    };
    atOnce.alice.engine.configure(change, atOnce.now);
    finish(stepsOf(inSteps, change));
    expect(inSteps.alice.engine.peers()).toEqual(atOnce.alice.engine.peers());
  });

  it('has at least one step for each prefix and each peer that is added or removed', () => {
    const all = withSession();
    const allowedIps = Array.from({ length: 100 }, (_, i) => `10.1.0.${i}/32`);
    const one = { peers: [{ publicKey: keyOf(1), allowedIps }] };
    expect(finish(stepsOf(all, one))).toBeGreaterThan(100);
    const replaced = { peers: [{ publicKey: keyOf(1), replaceAllowedIps: true }] };
    expect(finish(stepsOf(all, replaced))).toBeGreaterThan(100);
    const peers = allowedIps.map((prefix, i) => ({
      publicKey: keyOf(10 + i),
      allowedIps: [prefix],
    }));
    expect(finish(stepsOf(all, { peers }))).toBeGreaterThan(200);
    expect(finish(stepsOf(all, { replacePeers: true }))).toBeGreaterThan(100);
  });

  it('lets packets be sent between any two steps, also to a prefix that the peer keeps', () => {
    const all = withSession();
    const { publicKey, ipv4 } = all.bob.person;
    const allowedIps = [
      ...Array.from({ length: 20 }, (_, i) => `10.1.0.${i}/32`),
      `${ipv4.join('.')}/32`,
    ];
    const others = Array.from({ length: 20 }, (_, i) => ({ publicKey: keyOf(i + 1) }));
    const steps = stepsOf(all, {
      peers: [...others, { publicKey, replaceAllowedIps: true, allowedIps }],
    });
    let sent = 0;
    while (steps.next().done !== true) {
      expect(send(all)).toEqual([4]);
      sent++;
    }
    expect(sent).toBeGreaterThan(40);
    expect(send(all)).toEqual([4]);
  });

  it('removes the prefixes of a removed peer first, so that no packet starts a handshake', () => {
    const all = withSession();
    const { publicKey, ipv4 } = all.bob.person;
    // The packets match the last prefix in the list, which is removed last.
    const allowedIps = [
      ...Array.from({ length: 20 }, (_, i) => `10.1.0.${i}/32`),
      `${ipv4.join('.')}/32`,
    ];
    const change = { publicKey, replaceAllowedIps: true, allowedIps };
    all.alice.engine.configure({ peers: [change] }, all.now);
    const steps = stepsOf(all, { peers: [{ publicKey, remove: true }] });
    const types: number[] = [];
    while (steps.next().done !== true) types.push(...send(all));
    expect(types.length).toBeGreaterThanOrEqual(20);
    expect(types.every((type) => type === 4)).toBe(true);
    expect(all.alice.engine.hasPeer(publicKey)).toBe(false);
  });

  it('refuses an impossible change before the first step, and changes nothing', () => {
    const all = withSession();
    const { engine } = all.alice;
    const nextPrivateKey = createPerson(5).privateKey;
    expect(() => checkChange(engine, { privateKey: null, nextPrivateKey })).toThrow(RangeError);
    const checked = checkChange(engine, { nextPrivateKey, peers: [{ publicKey: keyOf(1) }] });
    engine.configure({ privateKey: null }, all.now);
    expect(() => prepareInSteps(engine, checked, () => all.now)).toThrow('"nextPrivateKey"');
    expect(engine.hasPeer(keyOf(1))).toBe(false);
    expect(() => checkChange(engine, { peers: [{ publicKey: 'x' }] })).toThrow(
      'peers[0].publicKey',
    );
  });

  it('asks for the time in each step that needs it', () => {
    const all = withSession();
    const { engine, person } = all.alice;
    engine.configure({ privateKey: null }, all.now);
    let now = all.now;
    const endpoint = '192.0.2.1:5';
    const peers = [1, 2].map((n) => ({
      publicKey: createPerson(n + 5).publicKey,
      endpoint,
      persistentKeepalive: 9,
    }));
    const checked = checkChange(engine, { privateKey: person.privateKey, peers });
    const steps = prepareInSteps(engine, checked, () => (now += 1000));
    finish(steps);
    expect(now - all.now).toBeGreaterThanOrEqual(4000);
  });
});

function stepsOf({ alice, now }: WithSession, change: EngineChange): Steps {
  return prepareInSteps(alice.engine, checkChange(alice.engine, change), () => now);
}

/** Does all steps, and returns how many there were. */
function finish(steps: Steps): number {
  let count = 0;
  while (steps.next().done !== true) count++;
  return count;
}

/** Sends a packet to bob, and returns the types of the messages that leave. */
function send({ alice, bob, now }: WithSession): number[] {
  const packet = ipPacket({ source: alice.person.ipv4, destination: bob.person.ipv4 });
  alice.engine.handlePacket(packet, now);
  return transmitted(alice.engine);
}

function transmitted(engine: Engine): number[] {
  const types: number[] = [];
  for (let t = engine.pollTransmit(); t; t = engine.pollTransmit()) types.push(t.datagram[0]);
  return types;
}

function keyOf(number: number): PublicKey {
  return parsePublicKey(new Uint8Array(32).fill(number));
}
