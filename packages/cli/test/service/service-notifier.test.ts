import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ServiceNotifier,
  watchdogInterval,
  type ServiceNotifierOptions,
} from '../../src/service/service-notifier.ts';

let sent: string[];
let errors: unknown[];

beforeEach(() => {
  sent = [];
  errors = [];
  vi.useFakeTimers();
});
afterEach(() => void vi.useRealTimers());

function managerWith(
  env: NodeJS.ProcessEnv,
  open: ServiceNotifierOptions['open'] = () => ({
    send: (message: string) => void sent.push(message),
    close: () => void sent.push('closed'),
  }),
): ServiceNotifier {
  return new ServiceNotifier({ env, open, onError: (error) => errors.push(error) });
}

describe('ServiceNotifier', () => {
  it('reports that the daemon is ready, reloads and ends', () => {
    const manager = managerWith(SERVICE);
    manager.ready('serves wg0');
    manager.reloading();
    manager.stopping();
    manager.close();
    expect(sent).toEqual([
      'READY=1\nSTATUS=serves wg0',
      expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+$/) as string,
      'STOPPING=1',
      'closed',
    ]);
  });

  it('when the parent has ended, names another process and then this process as the main process', async () => {
    vi.useRealTimers();
    const manager = managerWith(SERVICE);
    let parent = 7;
    let asked = 0;
    manager.claimPlaceAfter(7, () => {
      asked++;
      return parent;
    });
    await vi.waitUntil(() => asked > 1);
    expect(sent).toEqual([]);
    parent = 1;
    await vi.waitUntil(() => sent.length === 2, { timeout: 5000 });
    const [, other] = /^MAINPID=(\d+)$/.exec(sent[0]) ?? [];
    process.kill(Number(other));
    expect(Number(other)).not.toBe(process.pid);
    expect(sent[1]).toBe(`MAINPID=${process.pid}`);
    manager.close();
    expect(errors).toEqual([]);
  });

  it('sends nothing if there is no manager', () => {
    const manager = managerWith({ WATCHDOG_USEC: '2000000' });
    manager.ready('x');
    manager.watch(async () => {});
    expect(vi.getTimerCount()).toBe(0);
    manager.close();
    expect(sent).toEqual([]);
  });

  it('tells the watchdog twice per interval that the daemon is alive, while the daemon answers', async () => {
    const manager = managerWith({ ...SERVICE, WATCHDOG_USEC: '2000000' });
    manager.watch(async () => {});
    await vi.advanceTimersByTimeAsync(999);
    expect(sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(2001);
    expect(sent).toEqual(['WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
    manager.stopping();
    await vi.advanceTimersByTimeAsync(5000);
    expect(sent.at(-1)).toBe('STOPPING=1');
  });

  it('tells the watchdog nothing while the daemon does not answer, and asks the daemon only once', async () => {
    const manager = managerWith({ ...SERVICE, WATCHDOG_USEC: '2000000' });
    const answers: (() => void)[] = [];
    const isAlive = vi.fn<() => Promise<void>>(
      () => new Promise((resolve) => answers.push(() => resolve())),
    );
    manager.watch(isAlive);
    await vi.advanceTimersByTimeAsync(5000);
    expect(isAlive).toHaveBeenCalledTimes(1);
    expect(sent).toEqual([]);
    answers[0]?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toEqual(['WATCHDOG=1']);
  });

  it('tells the watchdog nothing when the daemon fails', async () => {
    const manager = managerWith({ ...SERVICE, WATCHDOG_USEC: '2000000' });
    manager.watch(() => Promise.reject(new Error('closed')));
    await vi.advanceTimersByTimeAsync(3000);
    expect(sent).toEqual([]);
  });

  it('goes on if a message to the manager cannot be sent', () => {
    const failing = new Error('cannot notify: sendto: ECONNREFUSED');
    const manager = managerWith(SERVICE, () => ({
      send: () => {
        throw failing;
      },
      close: () => {},
    }));
    manager.ready('x');
    expect(errors).toEqual([failing]);
  });

  it('goes on if the address of the manager is wrong', () => {
    const manager = new ServiceNotifier({
      env: { NOTIFY_SOCKET: 'relative' },
      onError: (error) => errors.push(error),
    });
    manager.ready('x');
    expect(String(errors[0])).toMatch(/NOTIFY_SOCKET/);
  });
});

describe('watchdogInterval', () => {
  it('returns the interval in ms, but only for the process that the manager started', () => {
    expect(watchdogInterval({ WATCHDOG_USEC: '30000000' })).toBe(30_000);
    expect(watchdogInterval({ WATCHDOG_USEC: '1500', WATCHDOG_PID: '7' }, 7)).toBe(1.5);
    expect(watchdogInterval({ WATCHDOG_USEC: '1500', WATCHDOG_PID: '7' }, 8)).toBeUndefined();
  });

  it.each(['', '0', '-1', 'x', '1e6'])('ignores %j', (WATCHDOG_USEC) => {
    expect(watchdogInterval({ WATCHDOG_USEC })).toBeUndefined();
  });
});

const SERVICE = { NOTIFY_SOCKET: '/run/systemd/notify' };
