import { existsSync } from 'node:fs';
import { describeWith } from '@litz/testkit';
import { afterEach, expect, it } from 'vitest';
import { boringtun, litz, wireguardGo } from '../interop/implementation.ts';
import { LITZ, realInterfaces } from '../litz-process.ts';
import { NumberedDatagrams } from './numbered-datagrams.ts';
import { LONG, record } from './record.ts';
import { twoNamespaces, until, UpgradedTunnel } from './upgraded-tunnel.ts';
import { WireCounters } from './wire-counters.ts';

/** `LITZ_LONG=1` makes 100 upgrades for each peer, and writes the results into a file. */
const UPGRADES = LONG ? 100 : 3;

let world: UpgradedTunnel | undefined;

afterEach(async () => {
  await world?.remove();
  world = undefined;
});

for (const peer of [wireguardGo, boringtun, { ...litz, name: 'another litz' }]) {
  describeWith([...realInterfaces, ...peer.requirements], `litz upgrade, with ${peer.name}`, () => {
    it(
      `loses no datagram of 1000 per second in each direction in ${UPGRADES} upgrades`,
      async () => {
        world = await UpgradedTunnel.create(peer, twoNamespaces);
        const [left, right] = world.ends();
        const wire = new WireCounters(left.namespace, 'veth0', '192.168.77.1');
        const streams = [new NumberedDatagrams(left, right), new NumberedDatagrams(right, left)];
        await streams[0].until(200);
        const rested: number[] = [];
        for (let i = 0; i < UPGRADES; i++) {
          const before = world.pids();
          const [, ms = 'none'] = /for ([\d.]+) ms/.exec(await world.upgrade()) ?? [];
          rested.push(Number(ms));
          await until(() => world!.pids().length === 1);
          expect(world.pids()).not.toEqual(before);
        }
        await new Promise((resolve) => setTimeout(resolve, 300));
        const [out, back] = [await streams[0].end(), await streams[1].end()];
        const messages = wire.size;
        record(peer.name, { upgrades: UPGRADES, out, back, rested, messages });
        expect(wire.close()).toBe(0);
        expect([out.lost, back.lost, out.twice, back.twice]).toEqual([0, 0, 0, 0]);
        expect(wire.twice).toEqual([]);
        expect(messages).toBeGreaterThanOrEqual(out.sent);
      },
      LONG ? 900_000 : 60_000,
    );
  });
}

describeWith(realInterfaces, 'litz upgrade', () => {
  it('leaves the old process as it is if the new process does not start, and says why', async () => {
    world = await UpgradedTunnel.create(litz, twoNamespaces, { LITZ_UPGRADE_EXEC: 'PROGRAM' });
    const old = world.pids();
    await expect(world.upgrade()).rejects.toThrow(/the old process goes on: it cannot be started/);
    world.writeProgram(['echo "the disk has bad blocks" >&2', 'exit 3']);
    await expect(world.upgrade()).rejects.toThrow(
      /the old process goes on: it ended \(exit code 3\): the disk has bad blocks/,
    );
    expect(world.pids()).toEqual(old);
    await world.ping();
  });

  it('says that a script must start litz with exec, if it did not', async () => {
    world = await UpgradedTunnel.create(litz, twoNamespaces, { LITZ_UPGRADE_EXEC: 'PROGRAM' });
    const old = world.pids();
    world.writeProgram([`${process.execPath} ${LITZ} "$@"`]);
    await expect(world.upgrade()).rejects.toThrow(
      /process \d+ asked for the device, but the daemon has started process \d+: a script in LITZ_UPGRADE_EXEC must start litz with exec/,
    );
    await until(() => world!.pids().length === 1);
    expect(world.pids()).toEqual(old);
    await world.ping();
  });

  it.each(['0.1', '2.1'])(
    'refuses the format %s of the hand-over, and the old process goes on',
    async (format) => {
      world = await UpgradedTunnel.create(litz, twoNamespaces, { LITZ_UPGRADE_EXEC: 'PROGRAM' });
      const old = world.pids();
      world.writeKiller('', format);
      await expect(world.upgrade()).rejects.toThrow(
        new RegExp(`another format of the hand-over \\(${format} instead of`),
      );
      expect(world.pids()).toEqual(old);
      await world.ping();
    },
  );

  it('refuses a second upgrade while one is in progress', async () => {
    world = await UpgradedTunnel.create(litz, twoNamespaces);
    const first = world.upgrade();
    const second = world.upgrade().catch((error: unknown) => String(error));
    const texts = [await first.catch((error: unknown) => String(error)), await second];
    expect(texts.filter((text) => /an upgrade is in progress/.test(text))).toHaveLength(1);
    expect(texts.filter((text) => /nothing was read or sent/.test(text))).toHaveLength(1);
    await until(() => world!.pids().length === 1);
    await world.ping();
  });

  it('upgrades at SIGUSR2 too, keeps statistics and configuration, and cleans up at the end', async () => {
    world = await UpgradedTunnel.create(litz, twoNamespaces);
    const { a } = world;
    await world.ping();
    const before = await a.machine.run('wg', 'show', a.link, 'dump');
    const [old = -1] = world.pids();
    process.kill(old, 'SIGUSR2');
    await until(() => world!.pids().length === 1 && world!.pids()[0] !== old);
    const after = await a.machine.run('wg', 'show', a.link, 'dump');
    expect(withoutKeepalives(after)).toBe(withoutKeepalives(before));
    process.kill(world.pids()[0], 'SIGTERM');
    await until(() => world!.pids().length === 0);
    expect(existsSync(`/var/run/wireguard/${a.link}.sock`)).toBe(false);
    expect(existsSync(`/var/run/wireguard/.litz-${a.link}`)).toBe(false);
    await expect(a.machine.run('ip', 'link', 'show', a.link)).rejects.toThrow(/does not exist/);
  });

  it('says that there is no such daemon', async () => {
    world = await UpgradedTunnel.create(litz, twoNamespaces);
    await expect(world.underlay.a.run(process.execPath, LITZ, 'upgrade', 'none0')).rejects.toThrow(
      /there is no daemon that runs as: litz none0/,
    );
  });
});

/**
 * Returns the answer of `wg show IFNAME dump` with the sent bytes in units of 512. On a busy
 * machine, 10 s may pass during the upgrade, and then a keepalive of 32 bytes is sent.
 */
function withoutKeepalives(dump: string): string {
  return dump.replace(
    /(\t\d+\t\d+)\t(\d+)(\t\S+)$/m,
    (_, before: string, sent: string, after: string) =>
      `${before}\t${Math.floor(Number(sent) / 512)}${after}`,
  );
}
