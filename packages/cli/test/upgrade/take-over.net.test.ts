/**
 * Tests `litz --take-over`: a process in another PID namespace takes the place of a running daemon,
 * as a new pod does on Kubernetes. Neither process can kill the other one.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { boringtun, litz, wireguardGo, type Implementation } from '../interop/implementation.ts';
import type { Namespace } from '../interop/namespace.ts';
import { show } from '../interop/tunnel.ts';
import { LITZ, realInterfaces } from '../litz-process.ts';
import { Containers, type Container, type ContainerOptions } from './containers.ts';
import { NumberedDatagrams } from './numbered-datagrams.ts';
import { LONG, record } from './record.ts';
import { daemonsOf, killDaemons, twoNamespaces, until, UpgradedTunnel } from './upgraded-tunnel.ts';
import { WireCounters } from './wire-counters.ts';

/** `LITZ_LONG=1` makes 100 take-overs, and writes the results into a file. */
const TAKE_OVERS = LONG ? 100 : 3;

/**
 * The steps at which a process is killed, with the process that has the interface afterwards. The
 * new process hangs at the step until the other one is dead.
 */
const ALL_STEPS = [
  ['new', 'before hello', 'old'],
  ['new', 'at offer', 'old'],
  ['new', 'before ready', 'old'],
  ['new', 'at state', 'old'],
  ['new', 'before restored', 'old'],
  ['new', 'after restored', 'old'],
  ['new', 'at commit', 'old'],
  ['new', 'before running', 'old'],
  ['old', 'at offer', 'new'],
  ['old', 'before ready', 'new'],
  ['old', 'at state', 'new'],
  ['old', 'before restored', 'new'],
  ['old', 'at commit', 'new'],
  ['old', 'before running', 'new'],
] as const;
const STEPS = LONG
  ? ALL_STEPS
  : ALL_STEPS.filter(([, step]) => /^(at state|at commit|before running)$/.test(step));

const needed = [...realInterfaces, programRequirement('unshare'), programRequirement('setpriv')];

let world: UpgradedTunnel | undefined;
let containers: Containers;

beforeEach(() => {
  containers = new Containers();
});
afterEach(async () => {
  await world?.remove();
  world = undefined;
  containers.remove();
});

for (const peer of LONG ? [wireguardGo, boringtun] : [wireguardGo]) {
  describeWith([...needed, ...peer.requirements], `litz --take-over, with ${peer.name}`, () => {
    it(
      `loses no datagram of 1000 per second in each direction in ${TAKE_OVERS} take-overs`,
      async () => {
        const { first, a } = await create(peer);
        const [left, right] = a.ends();
        const wire = new WireCounters(left.namespace, 'veth0', '192.168.77.1');
        const streams = [new NumberedDatagrams(left, right), new NumberedDatagrams(right, left)];
        await streams[0].until(200);
        let old = first;
        for (let i = 0; i < TAKE_OVERS; i++) {
          const successor = start();
          await until(() => successor.isReady);
          await old.isReplaced();
          expect(old.isReady).toBe(false);
          // As the kubelet does when the new pod is ready.
          const begin = performance.now();
          old.kill('SIGTERM');
          await until(() => old.end !== undefined);
          expect(old.end).toBe(0);
          expect(performance.now() - begin).toBeLessThan(3000);
          old = successor;
        }
        await sleep(300);
        const [out, back] = [await streams[0].end(), await streams[1].end()];
        const messages = wire.size;
        record(`take-over ${peer.name}`, { takeOvers: TAKE_OVERS, out, back, messages });
        expect(wire.close()).toBe(0);
        expect([out.lost, back.lost, out.twice, back.twice]).toEqual([0, 0, 0, 0]);
        expect(wire.twice).toEqual([]);
        expect(messages).toBeGreaterThanOrEqual(out.sent);
      },
      LONG ? 900_000 : 60_000,
    );
  });
}

describeWith(needed, 'litz --take-over', () => {
  it.each(STEPS)(
    'uses no counter twice, and leaves the interface to one process, if the %s process is killed %s',
    async (killed, step, owner) => {
      const { first } = await create(litz);
      const { stream, wire } = watch();
      try {
        await stream.until(100);
        const successor = start({ pause: step });
        await until(() => successor.isPaused);
        // In the last step, the packet loop of the new process is at work already.
        const paused = wire.size;
        if (step === 'before running') await until(() => wire.size > paused + 300);
        if (killed === 'new') successor.kill('SIGKILL');
        else {
          first.kill('SIGKILL');
          await until(() => first.end !== undefined);
          successor.release();
        }
        const [gone, there] = owner === 'old' ? [successor, first] : [first, successor];
        await until(() => gone.end !== undefined && there.isReady);
        // These are more than the 512 counters that the new process has skipped.
        const before = wire.size;
        await until(() => wire.size > before + 1000);
        expect((await stream.end()).longestGapMs).toBeLessThan(15_000);
        expect(wire.twice).toEqual([]);
        // Another process can take over later.
        await takeOverFrom(there);
        await world!.ping();
      } finally {
        stream.close();
        wire.close();
      }
    },
    90_000,
  );

  it.each(['at state', 'before restored'])(
    'lets the old process go on with its sessions if the new one hangs %s, and the new one ends when it wakes up',
    async (step) => {
      const { first, a } = await create(litz);
      const { stream, wire } = watch();
      try {
        await stream.until(100);
        const [handshakeAt] = await show(a.a, 'latest-handshakes');
        const successor = start({ pause: step });
        await until(() => successor.isPaused);
        // The step stops the main thread, and this signal stops the packet thread too.
        successor.kill('SIGSTOP');
        await until(() => first.text.includes('this one goes on'));
        expect(first.text).toMatch(/no process took \S+ over.*did not answer within 5000 ms/);
        const before = wire.size;
        await until(() => wire.size > before + 200);
        successor.kill('SIGCONT');
        successor.release();
        await until(() => successor.end !== undefined || wire.twice.length > 0);
        expect(wire.twice).toEqual([]);
        expect(successor.end).toBe(1);
        expect(successor.text).toMatch(/cannot take \S+ over .*did not answer within 5000 ms/);
        const later = wire.size;
        await until(() => wire.size > later + 200);
        expect(await show(a.a, 'latest-handshakes')).toEqual([handshakeAt]);
        expect((await stream.end()).twice).toBe(0);
        expect(wire.twice).toEqual([]);
        await takeOverFrom(first);
      } finally {
        stream.close();
        wire.close();
      }
    },
    90_000,
  );

  it('lets the old process wait if the new one hangs at commit, and the new one goes on when it wakes up', async () => {
    const { first } = await create(litz);
    const { stream, wire } = watch();
    try {
      await stream.until(100);
      const successor = start({ pause: 'at commit' });
      await until(() => successor.isPaused);
      const before = wire.size;
      // This is longer than the time after which the old process would kill a child.
      await sleep(7000);
      expect(wire.size).toBeLessThan(before + 50);
      expect([first.isReady, successor.isReady]).toEqual([true, false]);
      successor.release();
      await first.isReplaced();
      await until(() => wire.size > before + 200);
      await stream.end();
      expect(wire.twice).toEqual([]);
    } finally {
      stream.close();
      wire.close();
    }
  }, 60_000);

  it.each(['before ready', 'before restored', 'at commit'])(
    'lets the old process go on if the new one gets SIGTERM %s',
    async (step) => {
      const { first, a } = await create(litz);
      const { stream, wire } = watch();
      try {
        await stream.until(100);
        const successor = start({ pause: step });
        await until(() => successor.isPaused);
        successor.kill('SIGTERM');
        successor.release();
        await until(() => successor.end !== undefined);
        expect(successor.end).toBe(1);
        expect(successor.text).toMatch(/cannot take \S+ over .*the new process was told to end/);
        expect(first.text).toMatch(/this one goes on: the new process was told to end/);
        const before = wire.size;
        await until(() => wire.size > before + 1000);
        await stream.end();
        expect(wire.twice).toEqual([]);
        await takeOverFrom(first);
        await a.ping();
      } finally {
        stream.close();
        wire.close();
      }
    },
    90_000,
  );

  it('gives everything to the new process if the old one gets SIGTERM while the new one hangs at commit', async () => {
    const { first, a } = await create(litz);
    await a.ping();
    const successor = start({ pause: 'at commit' });
    await until(() => successor.isPaused);
    first.kill('SIGTERM');
    await until(() => first.end !== undefined);
    expect(first.end).toBe(0);
    successor.release();
    await until(() => successor.isReady);
    await a.ping();
    expect(existsSync(`/var/run/wireguard/${a.a.link}.sock`)).toBe(true);
    await takeOverFrom(successor);
  }, 60_000);

  it('removes the interface if the old process gets SIGTERM before commit, and the new one says why it has none', async () => {
    const { first, a } = await create(litz);
    const successor = start({ pause: 'before ready' });
    await until(() => successor.isPaused);
    first.kill('SIGTERM');
    await until(() => first.end !== undefined);
    successor.release();
    await until(() => successor.end !== undefined);
    expect(successor.end).toBe(1);
    expect(successor.text).toMatch(/cannot take \S+ over .*the daemon is to end/);
    expect(a.a.machine).toBeDefined();
    await expect(a.a.machine.run('ip', 'link', 'show', a.a.link)).rejects.toThrow(/does not exist/);
  }, 60_000);

  it('goes on when the old process wakes up, if it was stopped (SIGSTOP) before commit', async () => {
    const { first } = await create(litz);
    const { stream, wire } = watch();
    try {
      await stream.until(100);
      const successor = start({ pause: 'before restored' });
      await until(() => successor.isPaused);
      first.kill('SIGSTOP');
      successor.release();
      const before = wire.size;
      await sleep(6000);
      expect(wire.size).toBeLessThan(before + 50);
      expect(successor.isReady).toBe(false);
      first.kill('SIGCONT');
      await until(() => successor.isReady);
      await first.isReplaced();
      await until(() => wire.size > before + 200);
      await stream.end();
      expect(wire.twice).toEqual([]);
    } finally {
      stream.close();
      wire.close();
    }
  }, 60_000);

  it.each(['0.1', '2.1'])(
    'refuses the format %s of the hand-over before anything stops, and says why and what to do',
    async (format) => {
      const { first, a } = await create(litz);
      const stream = new NumberedDatagrams(...a.ends());
      await stream.until(100);
      const successor = start({ format });
      await until(() => successor.end !== undefined);
      expect(successor.end).toBe(1);
      expect(successor.isReady).toBe(false);
      expect(successor.text).toMatch(
        new RegExp(`another format of the hand-over \\(${format} .* end it first`),
      );
      expect((await stream.end()).lost).toBe(0);
      expect(first.isReady).toBe(true);
      await takeOverFrom(first);
    },
    60_000,
  );

  it('refuses a daemon that was started without --take-over, and leaves it alone', async () => {
    world = await UpgradedTunnel.create(litz, twoNamespaces);
    const successor = start();
    await until(() => successor.end !== undefined);
    expect(successor.end).toBe(1);
    expect(successor.text).toMatch(/it was started without --take-over. .* end it first/);
    await world.ping();
  });

  it('refuses a process in another network namespace', async () => {
    const { a } = await create(litz);
    const successor = containers.start(a.underlay.b, a.a.link);
    await until(() => successor.end !== undefined);
    expect(successor.text).toMatch(/the two processes are in different network namespaces/);
    await a.ping();
  });

  it('gives nothing to a process of another user', async () => {
    const { a } = await create(litz);
    const folder = `/var/run/wireguard/.litz-${a.a.link}`;
    await ask(join(folder, `${a.a.link}.sock`));
    const got = join(containers.folder, 'got');
    // The folder is closed to such a process, so it gets the right to enter every folder.
    const stranger = [
      'setpriv',
      '--reuid=65534',
      '--clear-groups',
      '--inh-caps=+dac_override',
      '--ambient-caps=+dac_override',
      process.execPath,
      join(import.meta.dirname, 'stranger.mjs'),
    ];
    const variables = [`LITZ_HAND_OVER=${join(folder, 'hand-over')}`, `GOT=${got}`];
    await a.underlay.a.run('env', ...variables, ...stranger);
    expect(readFileSync(got, 'utf8')).toBe('uid 65534 got closed');
    expect(containers.first.isReady).toBe(true);
    await a.ping();
  }, 60_000);

  it('refuses the second of two processes, and the first has the device', async () => {
    const { first, a } = await create(litz);
    const both = [start(), start()];
    await until(() => both.some(({ end }) => end !== undefined));
    await until(() => both.some(({ isReady }) => isReady));
    const [refused] = both.filter(({ end }) => end !== undefined);
    expect(refused?.text).toMatch(/an upgrade is in progress/);
    await first.isReplaced();
    await a.ping();
  }, 60_000);

  it('in the background, lets the old process end by itself', async () => {
    world = await UpgradedTunnel.create(litz, twoNamespaces);
    const link = `${world.a.link}b`;
    const command = [process.execPath, LITZ, '--take-over', link];
    try {
      await world.underlay.a.run(...(command as [string, ...string[]]));
      const [old] = daemonsOf(link);
      await world.underlay.a.run(...(command as [string, ...string[]]));
      await until(() => daemonsOf(link).length === 1 && daemonsOf(link)[0] !== old);
      process.kill(daemonsOf(link)[0], 'SIGTERM');
      await until(() => daemonsOf(link).length === 0);
      expect(existsSync(`/var/run/wireguard/.litz-${link}`)).toBe(false);
    } finally {
      killDaemons(link);
    }
  }, 60_000);

  it.each([
    ['--take-over', 'wg%d', '--take-over needs the name of one interface'],
    ['--ready-file=/none/ready', 'wg0', '--ready-file: ENOENT'],
  ])('refuses %s %s before anything is made', async (flag, name, message) => {
    world = await UpgradedTunnel.create(litz, twoNamespaces);
    await expect(world.underlay.a.run(process.execPath, LITZ, '-f', flag, name)).rejects.toThrow(
      message,
    );
  });

  it('starts normally if a daemon was killed, and when the interface is gone', async () => {
    const { first, a } = await create(litz);
    first.kill('SIGKILL');
    await until(() => first.end !== undefined);
    const next = start();
    await until(() => next.isReady);
    expect(await a.a.machine.run('wg', 'show', a.a.link)).toContain(`interface: ${a.a.link}`);
    next.kill('SIGTERM');
    await until(() => next.end !== undefined);
    expect(next.end).toBe(0);
    expect(next.isReady).toBe(false);
    expect(existsSync(`/var/run/wireguard/.litz-${a.a.link}`)).toBe(false);
    expect(existsSync(`/var/run/wireguard/${a.a.link}.sock`)).toBe(false);
  }, 60_000);
});

async function create(
  peer: Implementation<Namespace>,
): Promise<{ first: Container; a: UpgradedTunnel }> {
  world = await UpgradedTunnel.create(peer, twoNamespaces, {}, containers.implementation);
  return { first: containers.first, a: world };
}

/** Starts a process that takes the place of the daemon. */
function start(options: ContainerOptions = {}): Container {
  return containers.start(world!.underlay.a, world!.a.link, options);
}

async function takeOverFrom(old: Container): Promise<void> {
  const successor = start();
  await until(() => successor.isReady);
  await old.isReplaced();
}

/** Asks the daemon to let another process take over, as `litz --take-over` does. */
async function ask(path: string): Promise<void> {
  const socket = createConnection(path);
  socket.end('{"do":"take-over"}\n');
  let answer = '';
  for await (const bytes of socket) answer += String(bytes);
  expect(answer).toBe('{"done":true}\n');
}

/** Sends a stream to the peer, and looks at the counters on the wire. */
function watch(): { stream: NumberedDatagrams; wire: WireCounters } {
  const [left, right] = world!.ends();
  const wire = new WireCounters(left.namespace, 'veth0', '192.168.77.1');
  return { stream: new NumberedDatagrams(left, right), wire };
}
