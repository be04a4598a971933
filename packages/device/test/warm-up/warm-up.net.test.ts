import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as sys from '@litz/sys';
import { describeWith } from '@litz/testkit';
import * as tun from '@litz/tun';
import * as udp from '@litz/udp';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import type { DeviceStats } from '../../src/device-status.ts';
import type { SnapshotSlice } from '../../src/device-status.ts';
import { LinuxLoop } from '../../src/linux/linux-loop.ts';
import { readDeviceOptions } from '../../src/options.ts';
import { ThreadControl } from '../../src/linux/thread-control.ts';
import { LinuxWarmUp } from '../../src/warm-up/linux-warm-up.ts';
import { BOB } from '../in-memory.ts';
import { runSteps } from '@litz/core/internals';
import { openDescriptors, realInterfaces, TwoHosts } from '../two-hosts.ts';

let hosts: TwoHosts;

describeWith(realInterfaces, 'A device that warms up', () => {
  beforeEach(() => {
    hosts = new TwoHosts();
  });
  afterEach(() => hosts.close());

  it('answers requests and carries packets from the start', async () => {
    const devices = await hosts.devices({ warmUp: true });
    expect(await devices.left.status()).toMatchObject({ up: true, peers: [{}] });
    await devices.left.connected(BOB.publicKey, { timeout: 5000 });
    expect(await hosts.left.ping(hosts.right.inner, 3)).toBe(3);
  });

  it('can be closed in the middle of the warm-up', async () => {
    const before = openDescriptors();
    const device = await hosts.left.device({ warmUp: true });
    const closed = once(device, 'close');
    await device.close();
    await closed;
    expect(openDescriptors()).toBe(before);
  });

  it('begins the warm-up before the interface is made, and continues it afterwards', () => {
    let before = 0;
    const { sockets } = runWarmUp({
      begins: true,
      onInterface: (opened) => (before = sentBy(opened)),
    });
    expect(before).toBeGreaterThan(0);
    expect(sentBy(sockets)).toBeGreaterThan(before);
  });

  it('leaves nothing open after the warm-up, and counts none of its packets', () => {
    const { pairs, sockets, stats, peers, opened } = runWarmUp();
    expect(pairs).toHaveLength(1);
    expect(pairs.flat().map(({ fd }) => fd)).toEqual([-1, -1]);
    expect(sockets.map(({ fds }) => fds)).toEqual([[], []]);
    for (const { counters } of sockets) {
      expect(counters.sentDatagrams).toBeGreaterThan(1000);
      // Runs of datagrams were sent and received with GSO and GRO, so that code is compiled too.
      expect(counters.receivedDatagrams).toBeGreaterThan(2 * counters.receivedMessages);
    }
    expect(opened).toBe(0);
    expect(stats.tun).toEqual({ readPackets: 0, writtenPackets: 0 });
    expect(stats.drops).toEqual({});
    expect(stats).toMatchObject({ completedHandshakes: 0 });
    expect(peers).toEqual([]);
  });

  it('records the descriptors of the warm-up while they are open', () => {
    const control = new ThreadControl();
    const before = descriptorsIn(control);
    const { pairs, sockets, loop } = runWarmUp({ control, until: isInTheMiddle });
    const fds = [...pairs.flat().map(({ fd }) => fd), ...sockets.flatMap((two) => two.fds)];
    expect(fds).toHaveLength(6);
    expect(descriptorsIn(control)).toEqual(expect.arrayContaining(fds));
    loop.close();
    // The first recorded descriptor is the eventfd, which the main thread closes.
    expect(descriptorsIn(control).slice(1)).toEqual(before);
  });

  it('opens the sockets of the warm-up on loopback only', () => {
    let table = '';
    const { sockets } = runWarmUp({
      until: (both) => {
        table = readFileSync('/proc/thread-self/net/udp', 'utf8');
        return isInTheMiddle(both);
      },
    });
    const bound = [...table.matchAll(/: ([0-9A-F]{8}):([0-9A-F]{4}) /g)];
    // 127.0.0.1, as a little-endian machine prints it.
    const expected = sockets.map(({ port }) => ['0100007F', port]);
    expect(bound.map(([, address, port]) => [address, Number.parseInt(port, 16)])).toEqual(
      expect.arrayContaining(expected),
    );
    expect(bound).toHaveLength(2);
  });

  it('ends the warm-up when the configuration needs the port of the warm-up', () => {
    const { sockets, port } = askForPort((others) => others[1].port);
    expect(sockets.map(({ fds }) => fds.length > 0)).toEqual([false, false, false, true]);
    expect(sockets[3].port).toBe(port);
  });

  it('continues the warm-up when another program has the port of the configuration', () => {
    const other = hosts.left.namespace.run(() => udp.openUdp({ port: 0 }));
    onTestFinished(() => other.close());
    const { sockets } = askForPort(
      () => other.port,
      (ask) => expect(ask).toThrow(/EADDRINUSE/),
    );
    expect(sockets.map(({ fds }) => fds.length > 0)).toEqual([true, true, true]);
  });

  it('wakes when a pause of the warm-up ends', () => {
    const { prototype } = LinuxWarmUp;
    const spies = [
      vi.spyOn(prototype, 'run').mockReturnValue(),
      vi.spyOn(prototype, 'due', 'get').mockImplementation(() => sys.boottimeMs() + 50),
    ];
    onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
    const timeouts: number[] = [];
    runWarmUp({ until: (_sockets, _loop, timeoutMs) => timeouts.push(timeoutMs) > 0 });
    expect(timeouts).toHaveLength(1);
    expect(timeouts[0]).toBeCloseTo(50, -1);
  });

  it('ends the warm-up when its descriptors cannot be recorded', () => {
    class Full extends ThreadControl {
      /** How many more descriptors fit. Undefined: any number. */
      left: number | undefined = undefined;

      override recordDescriptor(fd: number): void {
        if (this.left === 0) throw new RangeError('full');
        if (this.left !== undefined) this.left--;
        super.recordDescriptor(fd);
      }
    }
    const control = new Full();
    let before: number[] = [];
    const { pairs, opened } = runWarmUp({
      control,
      onOpened: () => {
        before = descriptorsIn(control);
        control.left = 1;
      },
      until: () => control.left === 0,
    });
    expect(pairs.flat().map(({ fd }) => fd)).toEqual([-1, -1]);
    expect(opened).toBe(0);
    expect(descriptorsIn(control)).toEqual(before);
  });

  it('ends the warm-up when loopback is down', () => {
    const { netlink } = hosts.left;
    netlink.setLink(netlink.linkByName('lo')!.index, { up: false });
    const { pairs, sockets, opened } = runWarmUp();
    expect(pairs.flat().map(({ fd }) => fd)).toEqual([-1, -1]);
    expect(sockets.map(({ counters }) => counters.receivedDatagrams)).toEqual([0, 0]);
    expect(opened).toBe(0);
  });
});

/** Returns the descriptors that the main thread would close if the other thread died. */
function descriptorsIn({ memory }: ThreadControl): number[] {
  return [...new Int32Array(memory)].slice(1).filter((fd) => fd !== -1);
}

function sentBy(sockets: readonly udp.UdpSockets[]): number {
  return sockets.reduce((sum, { counters }) => sum + counters.sentDatagrams, 0);
}

function isOver(sockets: readonly udp.UdpSockets[]): boolean {
  return sockets.length === 2 && sockets.every(({ fds }) => fds.length === 0);
}

function isInTheMiddle(sockets: readonly udp.UdpSockets[]): boolean {
  return sockets.length === 2 && sockets.every(({ counters }) => counters.sentDatagrams > 0);
}

/**
 * Asks for a port in the middle of a warm-up.
 *
 * @param choose returns the port; its argument has the sockets of the device and of the warm-up
 */
function askForPort(
  choose: (sockets: readonly udp.UdpSockets[]) => number,
  expectOf: (ask: () => void) => void = (ask) => ask(),
): { sockets: udp.UdpSockets[]; port: number } {
  let port = 0;
  const until: Stop['until'] = (sockets, loop) => {
    if (!isInTheMiddle(sockets.slice(1))) return false;
    port = choose(sockets);
    expectOf(() => void runSteps(loop.answer({ type: 'configure', change: { listenPort: port } })));
    return true;
  };
  const { sockets } = runWarmUp({ up: true, until });
  return { sockets, port };
}

interface Stop {
  readonly control?: ThreadControl;
  readonly up?: boolean;
  /**
   * Whether the warm-up begins before the interface is made. Default false: the whole warm-up comes
   * after the interface was made.
   */
  readonly begins?: boolean;
  /** Called before the interface is made. */
  readonly onInterface?: (sockets: readonly udp.UdpSockets[]) => void;
  /** Called when the loop has opened everything, before the warm-up opens anything. */
  readonly onOpened?: () => void;
  /** Called before each wait. Returns whether the loop must end. */
  readonly until?: (
    sockets: readonly udp.UdpSockets[],
    loop: LinuxLoop,
    timeoutMs: number,
  ) => boolean;
}

/**
 * Runs the loop of a device that has no packets of its own, until `until` returns true. By default,
 * that is when the warm-up is over.
 */
function runWarmUp(stop: Stop = {}): {
  pairs: [tun.TunDevice, tun.TunDevice][];
  sockets: udp.UdpSockets[];
  stats: DeviceStats;
  peers: readonly unknown[];
  /** How many more descriptors are open after the run than before it. */
  opened: number;
  loop: LinuxLoop;
} {
  const { control = new ThreadControl(), up = false, onOpened, until = isOver } = stop;
  if (!stop.begins) {
    const begin = vi.spyOn(LinuxWarmUp.prototype, 'begin').mockReturnValue();
    onTestFinished(() => begin.mockRestore());
  }
  const pairs: [tun.TunDevice, tun.TunDevice][] = [];
  const sockets: udp.UdpSockets[] = [];
  const events: string[] = [];
  let loop: LinuxLoop;
  let waits = 0;
  const end = sys.boottimeMs() + LONGEST_RUN_MS;
  /** Stops the loop, which would wait without limit when it has nothing else to do. */
  class PollSet extends sys.PollSet {
    override wait(timeoutMs: number): number {
      if (until(sockets, loop, timeoutMs) || ++waits > 100_000) control.stop();
      // The loop blocks this thread, so the time limit of the test would not end it.
      if (sys.boottimeMs() > end) throw new Error('the loop was not stopped');
      return super.wait(timeoutMs);
    }
  }
  const openTunPair = (offloads: tun.TunOffloads): [tun.TunDevice, tun.TunDevice] => {
    const pair = tun.openTunPair(offloads);
    pairs.push(pair);
    return pair;
  };
  const openTun = (options: tun.TunOptions): tun.TunDevice => {
    stop.onInterface?.(sockets);
    return tun.openTun(options);
  };
  const openUdp = (options: udp.UdpOptions): udp.UdpSockets => {
    const opened = udp.openUdp(options);
    sockets.push(opened);
    return opened;
  };
  return hosts.left.namespace.run(() => {
    loop = new LinuxLoop({
      packages: {
        sys: { ...sys, PollSet },
        tun: { ...tun, openTun, openTunPair },
        udp: { ...udp, openUdp },
      },
      control,
      tunName: 'wg0',
      longestSleepMs: 1000,
      settings: readDeviceOptions({ tun: 'wg0', up, warmUp: true }).common,
      crypto: undefined,
      onEvent: (event) => events.push(event.type),
      onError: () => expect.fail(),
      onWake: () => false,
    });
    onTestFinished(() => {
      loop.close();
      control.closeDescriptors();
    });
    loop.open();
    onOpened?.();
    const before = openDescriptors();
    loop.run();
    const opened = openDescriptors() - before;
    const stats = runSteps(loop.answer({ type: 'stats' })) as DeviceStats;
    const slice = runSteps(loop.answer({ type: 'snapshot', read: 1 })) as SnapshotSlice;
    const { peers } = slice.snapshot;
    expect(events.filter((type) => type !== 'offload-lost')).toEqual(up ? ['up'] : []);
    return { pairs, sockets, stats, peers, opened, loop };
  });
}

const LONGEST_RUN_MS = 60_000;
