import * as sys from '@litz/sys';
import { ping } from '@litz/sys/tools';
import { describeWith } from '@litz/testkit';
import * as tun from '@litz/tun';
import * as udp from '@litz/udp';
import { expect, it, onTestFinished } from 'vitest';
import type { PlaneEvent } from '../../src/plane/plane-event.ts';
import type { DeviceStats } from '../../src/device-status.ts';
import { LinuxLoop } from '../../src/linux/linux-loop.ts';
import type { LinuxPackages } from '../../src/linux/linux-packages.ts';
import { readDeviceOptions } from '../../src/options.ts';
import { ThreadControl } from '../../src/linux/thread-control.ts';
import { namespaces, tunDevice } from '../two-hosts.ts';
import { runSteps } from '@litz/core/internals';

const EIO = 5;

describeWith([namespaces, tunDevice], 'LinuxLoop', () => {
  it('continues without a busy loop while every read of the TUN fails', () => {
    let left = 24;
    const { loop, device, control, waits } = openLoop((read, ...args) => {
      if (left-- > 0) return -EIO;
      control.stop();
      return read(...args);
    });
    const start = sys.boottimeMs();
    loop.run();
    // After every eight failed reads, the TUN is not read for 10 ms. That happens three times.
    expect(sys.boottimeMs() - start).toBeGreaterThanOrEqual(30);
    // Other waits may end because of changes of the link and the routes.
    expect(waits()).toBeLessThan(30);
    const { drops, tun } = runSteps(loop.answer({ type: 'stats' })) as DeviceStats;
    expect(drops['tun-malformed']).toBe(24);
    expect(tun.readPackets).toBeGreaterThan(0);
    expect(device.isGone()).toBe(false);
  });

  it('answers requests that were left for the next turn, and reads packets in between', () => {
    const order: string[] = [];
    const { loop, control } = openLoop(
      (read, ...args) => {
        order.push('packet');
        return read(...args);
      },
      {},
      {},
      () => {
        order.push('request');
        if (order.length > 9) control.stop();
        return order.length < 10;
      },
    );
    // The loop is woken only once, so it must remember that requests are left.
    control.wake();
    const start = sys.boottimeMs();
    loop.run();
    expect(sys.boottimeMs() - start).toBeLessThan(500);
    expect(order.join(' ')).toMatch(/^request (packet )+request/);
  });

  it('ends when the TUN is gone while reading it is paused', () => {
    let failures = 0;
    const { loop, device, netlink } = openLoop((read, ...args) => {
      if (device.isGone()) return read(...args);
      if (++failures === 8) netlink.deleteLink(device.interfaceIndex);
      return -EIO;
    });
    loop.run();
    expect(device.isGone()).toBe(true);
  });

  it('calls endTurn of the suspect sources once per turn', () => {
    let ended = 0;
    class SuspectSources extends udp.SuspectSources {
      override endTurn(): void {
        ended++;
      }
    }
    let left = 24;
    const { loop, control, waits } = openLoop(
      (read, ...args) => {
        if (left-- === 0) control.stop();
        return left > 0 ? -EIO : read(...args);
      },
      {},
      { SuspectSources },
    );
    loop.run();
    expect(ended).toBe(waits());
    expect(ended).toBeGreaterThan(2);
  });

  it('wakes for the first of many route changes, and not for the others', () => {
    let left = 24;
    const { loop, netlink, control, waits } = openLoop((read, ...args) => {
      const rule = { family: 4, table: 1000, priority: 5 } as const;
      // Each read of the TUN changes the rules in the middle of a turn.
      netlink.addRule(rule);
      netlink.deleteRule(rule);
      if (left-- > 0) return -EIO;
      control.stop();
      return read(...args);
    });
    loop.run();
    // The loop waits about as often as without route changes: because of the three pauses of the
    // TUN and the notifications of the link.
    expect(waits()).toBeLessThan(15);
  });

  it('closes everything else when one resource cannot be closed, and throws its error', () => {
    class TunMonitor extends tun.TunMonitor {
      override close(): void {
        super.close();
        throw new Error('close: EIO');
      }
    }
    const { loop, device } = openLoop((read, ...args) => read(...args), { TunMonitor });
    expect(() => loop.close()).toThrow('close: EIO');
    expect(device.fd).toBe(-1);
  });
});

type Read = (buffer: Uint8Array, offset: number, length: number) => number;

/**
 * Opens a loop in a namespace of its own. Its TUN has a packet to read, and all reads go through
 * `read`.
 */
function openLoop(
  read: (real: Read, ...args: Parameters<Read>) => number,
  tunPackage: Partial<typeof tun> = {},
  udpPackage: Partial<typeof udp> = {},
  onWake: () => boolean = () => false,
): {
  loop: LinuxLoop;
  device: tun.TunDevice;
  netlink: sys.Netlink;
  control: ThreadControl;
  /** How often the loop has slept. */
  waits: () => number;
} {
  const namespace = sys.NetworkNamespace.create();
  onTestFinished(() => namespace.close());
  return namespace.run(() => {
    const opened: tun.TunDevice[] = [];
    const openTun = (options: tun.TunOptions): tun.TunDevice => {
      const device = tun.openTun(options);
      const real: Read = device.read.bind(device);
      device.read = (...args) => read(real, ...args);
      opened.push(device);
      return device;
    };
    let waits = 0;
    const end = sys.boottimeMs() + LONGEST_RUN_MS;
    class PollSet extends sys.PollSet {
      override wait(timeoutMs: number): number {
        waits++;
        // The loop blocks this thread, so the time limit of the test would not end it.
        if (sys.boottimeMs() > end) throw new Error('the loop was not stopped');
        return super.wait(timeoutMs);
      }
    }
    const control = new ThreadControl();
    const packages = {
      sys: { ...sys, PollSet },
      tun: { ...tun, openTun, ...tunPackage },
      udp: { ...udp, ...udpPackage },
    };
    const loop = createLoop(packages, control, onWake);
    onTestFinished(() => {
      loop.close();
      control.closeDescriptors();
    });
    loop.open();
    const netlink = new sys.Netlink();
    onTestFinished(() => netlink.close());
    const echo = ping(Uint8Array.of(10, 1, 0, 2), { count: 1, timeoutMs: 1 });
    onTestFinished(async () => void (await echo));
    return { loop, device: opened[0], netlink, control, waits: () => waits };
  });
}

function createLoop(
  packages: LinuxPackages,
  control: ThreadControl,
  onWake: () => boolean,
): LinuxLoop {
  const options = readDeviceOptions({ tun: 'wg0', addresses: ['10.1.0.1/24'] });
  const events: PlaneEvent[] = [];
  return new LinuxLoop({
    packages,
    control,
    tunName: 'wg0',
    longestSleepMs: 1000,
    settings: options.common,
    crypto: undefined,
    onEvent: (event) => events.push(event),
    onError: (error) => {
      throw error;
    },
    onWake,
  });
}

const LONGEST_RUN_MS = 60_000;
