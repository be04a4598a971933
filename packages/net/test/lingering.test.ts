import type { TcpSocket } from '@litz/netstack';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Lingering } from '../src/lingering.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('Lingering', () => {
  test('waits until the data and the FIN are acknowledged, and until the other side ends', async () => {
    const lingering = new Lingering();
    const socket = { state: 'fin-wait-1', unacknowledged: 5 };
    const tcp = socket as TcpSocket;
    lingering.add(tcp);
    const done: string[] = [];
    for (const stage of ['data', 'fin', 'end'] as const) {
      void lingering.reached(stage, 1000).then((isReached) => done.push(`${stage} ${isReached}`));
    }
    const change = async (to: Partial<TcpSocket>): Promise<string[]> => {
      Object.assign(socket, to);
      lingering.handleChange(tcp);
      await vi.advanceTimersByTimeAsync(0);
      return done;
    };
    expect(await change({})).toEqual([]);
    expect(await change({ unacknowledged: 0 })).toEqual(['data true']);
    expect(await change({ state: 'fin-wait-2' })).toEqual(['data true', 'fin true']);
    expect(await change({ state: 'time-wait' })).toEqual(['data true', 'fin true', 'end true']);
    expect(vi.getTimerCount()).toBe(0);
    expect(await lingering.reached('end', 1000)).toBe(true);
  });

  test('waits for all connections, at most until the time limit', async () => {
    const lingering = new Lingering();
    const [gone, dead] = ['closed', 'last-ack'].map((state) => {
      const socket = { state, unacknowledged: 0 } as TcpSocket;
      lingering.add(socket);
      return socket;
    });
    lingering.handleChange(gone);
    expect(await lingering.reached('data', 1000)).toBe(true);
    const late = lingering.reached('fin', 1000);
    lingering.handleChange(dead);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await late).toBe(false);
  });
});
