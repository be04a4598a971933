/**
 * What Litz must do with another implementation, whoever initiates. One suite for all of them.
 *
 * @module
 */
import { describeWith } from '@litz/testkit';
import { afterEach, expect, test } from 'vitest';
import {
  fasterClock,
  interopRequirements,
  libfaketime,
  litz,
  type Implementation,
} from './implementation.ts';
import { eventually } from './namespace.ts';
import { echoDatagrams, ping, transfer, Tunnel, type TunnelOptions } from './tunnel.ts';

/** Litz is side a, `peer` side b. */
export function describeInterop(peer: Implementation): void {
  describeWith(interopRequirements(peer), `litz and ${peer.name}`, () => {
    let tunnel: Tunnel | undefined;
    afterEach(async () => {
      await tunnel?.remove();
      tunnel = undefined;
    });
    const between = async (options: TunnelOptions): Promise<Tunnel> =>
      (tunnel = await Tunnel.create(litz, peer, options));

    for (const outer of ['v4', 'v6'] as const) {
      for (const initiator of ['a', 'b'] as const) {
        const who = initiator === 'a' ? 'litz' : peer.name;
        test(`${who} initiates over IP${outer}, both families inside, preshared key`, async () => {
          const { a, b } = await between({ outer, presharedKey: true });
          const [from, to] = initiator === 'a' ? [a, b] : [b, a];
          expect(await ping(from, to.inner.v4)).toBe(3);
          expect(await ping(to, from.inner.v6, { size: 1300 })).toBe(3);
        });
      }
    }

    test('carries 1 MB each way unchanged, over IPv4 and IPv6', async () => {
      const { a, b } = await between({ outer: 'v4' });
      for (const family of ['v4', 'v6'] as const) {
        for (const [from, to] of [
          [a, b],
          [b, a],
        ] as const) {
          const { sent, received } = await transfer(from, to, family, 1 << 20);
          expect(received).toBe(sent);
        }
      }
    });

    test(`carries 60,000-byte datagrams unchanged at MTU ${peer.maxMtu}`, async () => {
      const { a, b } = await between({ outer: 'v4', mtu: peer.maxMtu });
      await ping(a, b.inner.v4);
      expect(await echoDatagrams(a, b, { count: 10, size: 60_000 })).toBe(10);
      expect(await echoDatagrams(b, a, { count: 10, size: 60_000 })).toBe(10);
    });

    test('follows the other side to a new address, both ways', async () => {
      const { a, b } = await between({ outer: 'v4' });
      await ping(a, b.inner.v4);
      for (const [mover, other] of [
        [a, b],
        [b, a],
      ] as const) {
        const moved = `192.168.77.${mover === a ? 11 : 12}`;
        await mover.namespace.run('ip', 'address', 'del', `${mover.outer.v4}/24`, 'dev', 'veth0');
        await mover.namespace.run('ip', 'address', 'add', `${moved}/24`, 'dev', 'veth0');
        // The first one may be lost: its answer may go to the old address.
        await eventually('the tunnel works from the new address', async () => {
          await ping(mover, other.inner.v4, { count: 1 });
          return true;
        });
        expect(await tunnel!.show(other, 'endpoints')).toEqual([`${moved}:51820`]);
        await ping(other, mover.inner.v4);
      }
    });

    test('keeps the path open with persistent keepalives and no other traffic', async () => {
      const { a, b } = await between({ outer: 'v4', keepalive: 1 });
      const carried = async (): Promise<number> =>
        peer.countsKeepalives
          ? Number((await tunnel!.show(b, 'transfer'))[0])
          : Number((await tunnel!.show(a, 'transfer'))[1]);
      await eventually(
        'the first keepalive made a session',
        async () => Number((await tunnel!.show(b, 'latest-handshakes'))[0]) > 0,
      );
      const before = await carried();
      // Three keepalives of 32 bytes.
      await eventually('three more came', async () => (await carried()) >= before + 96, 10_000);
      expect(Number((await tunnel!.show(a, 'latest-handshakes'))[0])).toBeGreaterThan(0);
    });

    describeWith([libfaketime], 'with a clock of ours that runs faster', () => {
      test('renews the session when it grows old, without losing a packet', async () => {
        // The 120 s of Rekey-After-Time pass in 4.
        const { a, b } = await between({ outer: 'v4', env: fasterClock(30) });
        await ping(a, b.inner.v4);
        // Of our own time: boringtun says how long ago it was instead.
        const handshake = async (): Promise<number> =>
          Number((await tunnel!.show(a, 'latest-handshakes'))[0]);
        const first = await handshake();
        expect(await ping(a, b.inner.v4, { count: 150 })).toBe(150);
        expect(await handshake()).toBeGreaterThan(first);
      });
    });
  });
}
