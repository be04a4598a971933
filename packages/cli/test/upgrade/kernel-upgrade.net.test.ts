import { describeWith } from '@litz/testkit';
import { afterAll, afterEach, expect, it } from 'vitest';
import { bootKernel, kernel } from '../interop/kernel.ts';
import type { KernelGuest } from '../interop/kernel-guest.ts';
import { realInterfaces } from '../litz-process.ts';
import { LONG, record } from './record.ts';
import { until, UpgradedTunnel } from './upgraded-tunnel.ts';
import { WireCounters } from './wire-counters.ts';

const UPGRADES = LONG ? 100 : 3;

let guest: KernelGuest | undefined;
let world: UpgradedTunnel<KernelGuest> | undefined;

afterEach(async () => {
  await world?.remove();
  world = undefined;
});
afterAll(() => guest?.shutDown());

describeWith([...realInterfaces, ...kernel.requirements], 'litz upgrade (peer: the kernel)', () => {
  it(
    `loses no ping of 200 per second in ${UPGRADES} upgrades`,
    async () => {
      const booted = (guest = await bootKernel());
      world = await UpgradedTunnel.create(kernel, () => booted.connect());
      await world.ping();
      const { a } = world.underlay;
      const wire = new WireCounters(a.name, a.wire, '192.168.77.1');
      try {
        const pings = a.start('ping', ['-n', '-i', '0.005', world.tunnel.b.inner.v4]);
        const answered = (): number[] =>
          [...pings.output().matchAll(/icmp_seq=(\d+)/g)].map(([, number]) => Number(number));
        await until(() => answered().length > 100);
        for (let i = 0; i < UPGRADES; i++) {
          expect(await world.upgrade()).toMatch(/nothing was read or sent for/);
          await until(() => world!.pids().length === 1);
        }
        const last = Math.max(...answered());
        // Answers to earlier pings may still be on the way, because their order may change.
        await until(() => Math.max(...answered()) > last + 200);
        pings.process.kill('SIGKILL');
        const seen = new Set(answered());
        const lost = Array.from({ length: last }, (_, i) => i + 1).filter((n) => !seen.has(n));
        record('the-kernel', { upgrades: UPGRADES, pings: last, lost, messages: wire.size });
        expect(lost).toEqual([]);
        expect(wire.size).toBeGreaterThan(last);
        expect(wire.twice).toEqual([]);
      } finally {
        wire.close();
      }
    },
    UPGRADES * 20_000 + 90_000,
  );
});
