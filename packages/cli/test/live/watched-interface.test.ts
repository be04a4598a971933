import { WireGuardError } from '@litz/core';
import type { DeviceStatus } from '@litz/config';
import { describe, expect, it } from 'vitest';
import { NO_RATES } from '../../src/live/live-status.ts';
import { WatchedInterface } from '../../src/live/watched-interface.ts';
import { exampleDevice, examplePeer, exampleSource } from './examples.ts';

describe('WatchedInterface', () => {
  it('computes rates from the times of its own readings', async () => {
    let receivedBytes = 0;
    const device = () => exampleDevice([examplePeer(1, { receivedBytes })]);
    const { parts, clock } = exampleSource(['wg0'], new Map([['wg0', device]]));
    const watched = new WatchedInterface('wg0', parts);
    await watched.update();
    [receivedBytes, clock.ms] = [4000, 4000];
    await watched.update();
    expect(watched.reading?.shown.rates).toEqual({ ...NO_RATES, receivedBytes: 1000 });
  });

  it('distinguishes a daemon that does not answer in time from a missing daemon', async () => {
    let error: Error = new WireGuardError('ERR_LITZ_TIMEOUT', 'no answer for 5000 ms');
    const device = (): DeviceStatus => {
      throw error;
    };
    const { parts } = exampleSource(['wg0'], new Map([['wg0', device]]));
    const watched = new WatchedInterface('wg0', parts);
    await watched.update();
    expect([watched.isSilent, watched.trouble]).toEqual([true, 'does not answer']);
    error = Object.assign(new Error('no program listens there'), { code: 'EIO' });
    await watched.update();
    expect([watched.isSilent, watched.trouble]).toEqual([false, 'no program listens there']);
    const cause = Object.assign(new Error('connect EAGAIN'), { code: 'EAGAIN' });
    error = Object.assign(new Error('connect EAGAIN', { cause }), { code: 'EIO' });
    await watched.update();
    expect([watched.isSilent, watched.trouble]).toEqual([true, 'does not answer']);
  });

  it('ends a reading that takes half a minute, and connects again', async () => {
    const { parts, clock, closed } = exampleSource(['wg0'], new Map());
    let connected = 0;
    const watched = new WatchedInterface('wg0', {
      ...parts,
      connect: (name) => {
        connected++;
        let fail!: (error: Error) => void;
        const close = (): void => {
          closed.push(name);
          fail(Object.assign(new Error('the connection was closed'), { code: 'EIO' }));
        };
        return { read: () => new Promise((_, reject) => (fail = reject)), close };
      },
    });
    const updated = watched.update();
    clock.pass(29_999);
    expect(closed).toEqual([]);
    clock.pass(1);
    await updated;
    expect([closed, connected]).toEqual([['wg0'], 2]);
    expect([watched.isSilent, watched.trouble]).toEqual([true, 'does not answer']);
  });

  it('waits before it asks a late daemon again, nine times as long as the answer took', async () => {
    let readings = 0;
    const device = () => {
      readings++;
      clock.ms += 2000;
      return exampleDevice([]);
    };
    const { parts, clock } = exampleSource(['wg0'], new Map([['wg0', device]]));
    const watched = new WatchedInterface('wg0', parts);
    watched.isLate = true;
    await watched.update();
    expect([watched.isLate, watched.costMs]).toEqual([false, 2000]);
    clock.ms += 17_999;
    await watched.update();
    expect(readings).toBe(1);
    clock.ms += 1;
    await watched.update();
    expect(readings).toBe(2);
  });
});
