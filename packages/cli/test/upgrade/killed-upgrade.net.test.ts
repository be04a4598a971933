import { describeWith } from '@litz/testkit';
import { afterAll, afterEach, expect, it } from 'vitest';
import { litz } from '../interop/implementation.ts';
import { realInterfaces } from '../litz-process.ts';
import { NumberedDatagrams } from './numbered-datagrams.ts';
import { LONG, record } from './record.ts';
import { twoNamespaces, until, UpgradedTunnel } from './upgraded-tunnel.ts';
import { WireCounters } from './wire-counters.ts';

/**
 * The steps at which a process is killed, with the process that has the interface afterwards.
 * Before the commit, the sessions go on, whichever process is killed. If the new process is killed
 * after the commit, the old process makes new sessions.
 */
const ALL_STEPS = [
  ['new before hello', 'old'],
  ['new at offer', 'old'],
  ['new before ready', 'old'],
  ['new at state', 'old'],
  ['new before restored', 'old'],
  ['new after restored', 'old'],
  ['new at commit', 'old'],
  ['new before running', 'old'],
  ['old at offer', 'new'],
  ['old before ready', 'new'],
  ['old at state', 'new'],
  ['old before restored', 'new'],
  ['old at commit', 'new'],
  ['old before running', 'new'],
  ['old after running', 'new'],
] as const;
/**
 * `LITZ_LONG=1` kills at every step. Otherwise the test kills only at the steps that matter most
 * for the sessions.
 */
const STEPS = LONG
  ? ALL_STEPS
  : ALL_STEPS.filter(([kill]) =>
      /^(new (at state|before running)|old (at state|at commit))$/.test(kill),
    );

/** The longest gap in the stream at each step, in ms. */
const gaps: Record<string, number> = {};
let world: UpgradedTunnel | undefined;

afterEach(async () => {
  await world?.remove();
  world = undefined;
});

describeWith(realInterfaces, 'a hand-over in which a process is killed', () => {
  afterAll(() => {
    if (Object.keys(gaps).length === STEPS.length) record('killed', { longestGapsMs: gaps });
  });

  it.each(STEPS)(
    'leaves the interface to one process, and uses no counter twice, at the step: %s',
    async (kill, owner) => {
      world = await UpgradedTunnel.create(litz, twoNamespaces, { LITZ_UPGRADE_EXEC: 'PROGRAM' });
      world.writeKiller(kill);
      const [left, right] = world.ends();
      const wire = new WireCounters(left.namespace, 'veth0', '192.168.77.1');
      const stream = new NumberedDatagrams(left, right);
      try {
        await stream.until(100);
        const [old] = world.pids();
        const answer = await world.upgrade().catch((error: unknown) => String(error));
        await until(() => world!.pids().length === 1);
        const [pid] = world.pids();
        expect({ owner: pid === old ? 'old' : 'new', answer }).toMatchObject({ owner });
        // These are more than the 512 counters that the new process has skipped.
        const before = wire.size;
        await until(() => wire.size > before + 1000);
        const { longestGapMs } = await stream.end();
        gaps[kill] = longestGapMs;
        // A new process first finishes its warm-up, which takes up to 5 s on a busy machine.
        expect(longestGapMs).toBeLessThan(15_000);
        expect(wire.twice).toEqual([]);
        // A later upgrade works.
        world.writeKiller('');
        expect(await world.upgrade()).toMatch(/nothing was read or sent for/);
      } finally {
        stream.close();
        wire.close();
      }
    },
    90_000,
  );

  it('loses the interface if the new process is killed after running, as after every crash', async () => {
    world = await UpgradedTunnel.create(litz, twoNamespaces, { LITZ_UPGRADE_EXEC: 'PROGRAM' });
    world.writeKiller('new after running');
    const { a } = world;
    await world.ping();
    const [old] = world.pids();
    const line = await world.upgrade();
    const [, successor] = /process (\d+) has/.exec(line) ?? [];
    expect(Number(successor)).toBeGreaterThan(0);
    expect(Number(successor)).not.toBe(old);
    await until(() => world!.pids().length === 0);
    await expect(a.machine.run('ip', 'link', 'show', a.link)).rejects.toThrow(/does not exist/);
  });
});
