/**
 * Tests upgrades after which the new process is stopped, as by a suspend, and upgrades between
 * which the clock jumps.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { wireguardGo } from '../interop/implementation.ts';
import { show } from '../interop/tunnel.ts';
import { realInterfaces } from '../litz-process.ts';
import { NumberedDatagrams } from './numbered-datagrams.ts';
import { LONG, record } from './record.ts';
import { twoNamespaces, until, UpgradedTunnel } from './upgraded-tunnel.ts';
import { WireCounters } from './wire-counters.ts';

/**
 * How long the new process is stopped. In the long test, this time is longer than the life of a
 * session. In the short test, it is enough for the peer to notice the silence, which takes 15 s,
 * and to send an initiation.
 */
const STOPPED_MS = LONG ? 200_000 : 17_000;
const HOUR_MS = 3_600_000;

let world: UpgradedTunnel | undefined;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-stopped-'));
});
afterEach(async () => {
  await world?.remove();
  world = undefined;
  rmSync(folder, { recursive: true, force: true });
});

describeWith([...realInterfaces, ...wireguardGo.requirements], 'an upgraded daemon', () => {
  it(
    `continues after it was stopped for ${STOPPED_MS / 1000} s, and uses no counter twice`,
    async () => {
      world = await UpgradedTunnel.create(wireguardGo, twoNamespaces);
      await world.ping();
      const pid = await upgrade(world);
      const [left, right] = world.ends();
      const wire = new WireCounters(left.namespace, 'veth0', '192.168.77.1');
      const streams = [new NumberedDatagrams(left, right), new NumberedDatagrams(right, left)];
      try {
        for (const stream of streams) await stream.until(100);
        process.kill(pid, 'SIGSTOP');
        await sleep(STOPPED_MS);
        process.kill(pid, 'SIGCONT');
        const continued = performance.now();
        await until(() => isReached(world!));
        const outageMs = Math.round(performance.now() - continued);
        const before = wire.size;
        await until(() => wire.size > before + 200);
        const arrivals = await Promise.all(streams.map((stream) => stream.end()));
        for (const { twice } of arrivals) expect(twice).toBe(0);
        expect(wire.twice).toEqual([]);
        record('stopped', { stoppedMs: STOPPED_MS, outageMs, messages: wire.size });
      } finally {
        for (const stream of streams) stream.close();
        wire.close();
      }
      await upgrade(world);
      await world.ping();
    },
    STOPPED_MS + 90_000,
  );

  it.each([-HOUR_MS, HOUR_MS])(
    'makes new sessions at once after the clock has jumped by %d ms, and back',
    async (jump) => {
      const clock = join(folder, 'clock');
      writeFileSync(clock, '0');
      const shift = join(import.meta.dirname, '../shifted-clock.cjs');
      const env = { NODE_OPTIONS: `--require=${shift}`, CLOCK_FILE: clock };
      world = await UpgradedTunnel.create(wireguardGo, twoNamespaces, env);
      const { a } = world;
      await world.ping();
      for (const offset of [jump, 0]) {
        writeFileSync(clock, String(offset));
        await upgrade(world);
        // This ends all sessions. The peer refuses an initiation whose timestamp is not greater
        // than the last.
        await a.machine.run('ip', 'link', 'set', a.link, 'down');
        await a.machine.run('ip', 'link', 'set', a.link, 'up');
        await world.ping();
        const [handshakeAt] = await show(a, 'latest-handshakes');
        expect(Math.abs(Number(handshakeAt) - (Date.now() + offset) / 1000)).toBeLessThan(60);
      }
    },
    60_000,
  );
});

/** Upgrades the daemon. @returns the process ID of the new process */
async function upgrade(tunnel: UpgradedTunnel): Promise<number> {
  const old = tunnel.pids();
  expect(await tunnel.upgrade()).toMatch(/nothing was read or sent for/);
  await until(() => tunnel.pids().length === 1 && !old.includes(tunnel.pids()[0]));
  return tunnel.pids()[0];
}

async function isReached(tunnel: UpgradedTunnel): Promise<boolean> {
  return tunnel.ping().then(
    () => true,
    () => false,
  );
}
