/**
 * `describeInterop`: the tests of Litz with another implementation, with either side as the
 * initiator. The tests are the same for every implementation.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import {
  formatKey,
  generatePrivateKey,
  nobleProvider,
  publicKeyOf,
  type PrivateKey,
} from '@litz/core';
import { UapiClient } from '@litz/config/uapi';
import { describeWith, programRequirement, type Requirement } from '@litz/testkit';
import { afterEach, expect, test } from 'vitest';
import { realInterfaces } from '../litz-process.ts';
import { litz, type Implementation } from './implementation.ts';
import type { Namespace } from './namespace.ts';
import {
  exchangeKey,
  longestGap,
  move,
  ping,
  show,
  Tunnel,
  type End,
  type TunnelOptions,
} from './tunnel.ts';
import { eventually, type Machine, type Underlay } from './underlay.ts';

/**
 * Defines the tests. Litz is side a, `peer` is side b.
 *
 * @param connect makes the machines of one test
 */
export function describeInterop<M extends Machine>(
  peer: Implementation<M>,
  connect: () => Promise<Underlay<Namespace, M>>,
): void {
  const requirements = [...realInterfaces, ...PROGRAMS, ...litz.requirements, ...peer.requirements];
  describeWith(requirements, `litz and ${peer.name}`, () => {
    let underlay: Underlay<Namespace, M> | undefined;
    let tunnel: Tunnel | undefined;
    afterEach(async () => {
      await tunnel?.remove();
      await underlay?.remove();
      underlay = tunnel = undefined;
    });
    const between = async (options: TunnelOptions = {}): Promise<Tunnel> => {
      underlay = await connect();
      return (tunnel = await Tunnel.create(underlay, litz, peer, options));
    };

    for (const outer of ['v4', 'v6'] as const) {
      for (const initiator of ['a', 'b'] as const) {
        const who = initiator === 'a' ? 'litz' : peer.name;
        test(`${who} initiates over IP${outer}, with a preshared key, and the tunnel carries IPv4 and IPv6`, async () => {
          const { a, b } = await between({ outer, presharedKey: true });
          const [from, to] = initiator === 'a' ? [a, b] : [b, a];
          expect(await ping(from, to.inner.v4)).toEqual({ answered: 3, lost: 0 });
          expect(await ping(to, from.inner.v6, { size: 1300 })).toEqual({ answered: 3, lost: 0 });
        });
      }
    }

    test('carries 1 MB in each direction unchanged, over IPv4 and IPv6', async () => {
      const { a, b } = await between();
      for (const family of ['v4', 'v6'] as const) {
        for (const [from, to] of bothWays(a, b)) {
          const { sha256 } = await to.machine.receive(to.inner[family], 5001);
          const sent = await from.machine.send(to.inner[family], 5001, 1 << 20);
          expect(await sha256).toBe(sent);
        }
      }
    });

    for (const [mtu, size] of [
      [1420, 64_000],
      [65_000, peer.largestPing],
    ] as const) {
      test(`carries pings of ${size} bytes unchanged at MTU ${mtu}`, async () => {
        const { a, b } = await between({ mtu });
        for (const [from, to] of bothWays(a, b)) {
          // Some loss is allowed, for two reasons. boringtun uses the default buffers of its
          // sockets, and the 46 fragments of a ping can fill them on a busy machine. And boringtun
          // needs a second to notice that its MTU was changed.
          expect(await ping(from, to.inner.v4, { size })).toMatchObject({ answered: 3 });
          expect(await ping(from, to.inner.v6, { size })).toMatchObject({ answered: 3 });
        }
      });
    }

    for (const mover of ['a', 'b'] as const) {
      const [moves, follows] = mover === 'a' ? ['litz', peer.name] : [peer.name, 'litz'];
      test(`${follows} follows ${moves} to another address`, async () => {
        const { a, b } = await between({ mover });
        const [moving, other] = mover === 'a' ? [a, b] : [b, a];
        await ping(other, moving.inner.v4);
        await move(moving, MOVED);
        // The first ping may be lost, because its answer may go to the old address.
        await ping(moving, other.inner.v4, { count: 1 });
        expect(await show(other, 'endpoints')).toEqual([`${MOVED}:51820`]);
        expect(await ping(other, moving.inner.v4)).toEqual({ answered: 3, lost: 0 });
      });
    }

    for (const keepaliveFrom of ['a', 'b'] as const) {
      const who = keepaliveFrom === 'a' ? 'litz' : peer.name;
      test(`${who} initiates to send a persistent keepalive, and sends another one later`, async () => {
        const connected = (underlay = await connect());
        const { lines } = await connected.watch('udp port 51820');
        tunnel = await Tunnel.create(connected, litz, peer, { keepaliveFrom });
        const sender = tunnel[keepaliveFrom];
        const other = keepaliveFrom === 'a' ? tunnel.b : tunnel.a;
        const keepalives = (): number => countFrom(lines(), sender.outer.v4, KEEPALIVE);
        await eventually('a second keepalive', () => keepalives() >= 2);
        expect(countFrom(lines(), sender.outer.v4, INITIATION)).toBe(1);
        expect(countFrom(lines(), other.outer.v4, RESPONSE)).toBe(1);
        expect(Number((await show(other, 'latest-handshakes'))[0])).toBeGreaterThan(0);
      });
    }

    test(`litz changes its key without an interruption while ${peer.name} replaces the public key of litz`, async () => {
      const { a, b } = await between();
      await ping(a, b.inner.v4);
      const [first, second] = [generateKeyPair(), generateKeyPair()];
      // The first key is exchanged during pings, and the second key during a transfer over TCP.
      await begin(a, first);
      const gap = longestGap(a, b.inner.v4, { count: 1000, intervalMs: 2 });
      await exchangeKey(b, a, { old: a.publicKey, next: first.text }, 'persistent-keepalive', '1');
      expect(await gap).toBeLessThanOrEqual(peer.longestSilenceMs ?? 50);
      await complete(a, first);
      await begin(a, second);
      const { sha256 } = await b.machine.receive(b.inner.v4, 5001);
      const sent = a.machine.send(b.inner.v4, 5001, peer.bytesOfTransfer ?? 64 << 20);
      await exchangeKey(b, a, { old: first.text, next: second.text }, 'persistent-keepalive', '1');
      expect(await sha256).toBe(await sent);
      await complete(a, second);
      expect(await ping(b, a.inner.v6)).toEqual({ answered: 3, lost: 0 });
    });

    // 5.4 s: Rekey-Timeout (5 s), the largest jitter (333 ms), and some time for the machine.
    test(`litz initiates again within 5.4 s if ${peer.name} has replaced the key of litz and does not answer`, async () => {
      const { a, b } = await between();
      await ping(a, b.inner.v4);
      const next = generateKeyPair();
      await begin(a, next);
      const gap = longestGap(a, b.inner.v4, { count: 160, intervalMs: 50 });
      await exchangeKey(b, a, { old: a.publicKey, next: next.text });
      expect(await gap).toBeLessThanOrEqual(5400);
      await complete(a, next);
    });

    test('after 120 s, litz renews a session that it has initiated, and no packet is lost', async () => {
      const { a, b } = await between({ fast: true });
      const { lines } = await underlay!.watch('udp port 51820');
      // Pings for 3 s. The 120 s of Rekey-After-Time pass in 2 s.
      expect(await ping(a, b.inner.v4, { count: 60 })).toEqual({ answered: 60, lost: 0 });
      expect(countFrom(lines(), a.outer.v4, INITIATION)).toBeGreaterThanOrEqual(2);
      expect(countFrom(lines(), b.outer.v4, RESPONSE)).toBeGreaterThanOrEqual(2);
      expect(countFrom(lines(), b.outer.v4, INITIATION)).toBe(0);
    });

    test(`litz initiates a session when the session that ${peer.name} has initiated is 180 s old`, async () => {
      const { a, b } = await between({ fast: true });
      await ping(b, a.inner.v4);
      const { lines } = await underlay!.watch('udp port 51820');
      await eventually('litz initiates', async () => {
        await ping(a, b.inner.v4, { count: 1 });
        return countFrom(lines(), a.outer.v4, INITIATION) > 0;
      });
      expect(await ping(a, b.inner.v4)).toEqual({ answered: 3, lost: 0 });
      expect(countFrom(lines(), b.outer.v4, INITIATION)).toBe(0);
    });
  });
}

interface Key {
  readonly privateKey: PrivateKey;
  readonly text: string;
}

function generateKeyPair(): Key {
  const privateKey = generatePrivateKey(randomFillSync);
  return { privateKey, text: formatKey(publicKeyOf(privateKey, nobleProvider)) };
}

/** Gives Litz this key as its next key. */
async function begin({ link }: End, { privateKey }: Key): Promise<void> {
  await UapiClient.of(link).set({ nextPrivateKey: privateKey });
}

/** Waits until a session with the peer uses this key, and makes it the only key of Litz. */
async function complete({ link }: End, { privateKey, text }: Key): Promise<void> {
  const client = UapiClient.of(link);
  await eventually('the peer answers the next key', async () => {
    const { peers } = await client.get({ keys: true });
    const own = peers[0]?.sessionStaticKeys?.own;
    return own !== undefined && formatKey(own) === text;
  });
  await client.set({ privateKey });
}

function bothWays<T>(a: T, b: T): [T, T][] {
  return [
    [a, b],
    [b, a],
  ];
}

/**
 * Counts the datagrams of `length` bytes from `address` in the lines of tcpdump, such as 'IP
 * 192.168.77.1.51820 > 192...: UDP, length 148'.
 */
function countFrom(lines: readonly string[], address: string, length: number): number {
  const isOne = (line: string): boolean =>
    line.startsWith(`IP ${address}.`) && line.endsWith(`UDP, length ${length}`);
  return lines.filter(isOne).length;
}

const PROGRAMS: readonly Requirement[] = [
  programRequirement('ip', ['-V']),
  programRequirement('ping', ['-V']),
  programRequirement('tcpdump'),
];
const MOVED = '192.168.77.11';
// Lengths of messages in bytes (the WireGuard paper, sections 5.4.2 to 5.4.6). No packet of these
// tests makes a message of transport data with the same length.
const INITIATION = 148;
const RESPONSE = 92;
const KEEPALIVE = 32;
