import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AliveCheck } from '../../src/proxy/alive-check.ts';

const START = 1_700_000_000_000;

beforeEach(() => void vi.useFakeTimers({ now: START }));

afterEach(() => void vi.useRealTimers());

describe('AliveCheck', () => {
  test('is alive if there are no addresses, and pings nothing', () => {
    const check = new AliveCheck({ addresses: [], intervalMs: 1, ping: () => Promise.reject() });
    expect(check.isAlive).toBe(true);
    expect(check.toText()).toBe('{}');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is alive while each address answers within the interval plus two seconds', async () => {
    let answers = true;
    const asked: string[] = [];
    const ping = async (address: string): Promise<void> => {
      asked.push(address);
      if (!answers && address === 'fd00::2') throw new Error('no answer');
    };
    const check = new AliveCheck({ addresses: ['10.0.0.2', 'fd00::2'], intervalMs: 5000, ping });
    expect(check.isAlive).toBe(false);
    await vi.advanceTimersByTimeAsync(0);
    expect(check.isAlive).toBe(true);
    expect(check.toText()).toBe('{"10.0.0.2":1700000000,"fd00::2":1700000000}');
    answers = false;
    await vi.advanceTimersByTimeAsync(7000);
    expect(check.isAlive).toBe(true);
    await vi.advanceTimersByTimeAsync(1);
    expect(check.isAlive).toBe(false);
    answers = true;
    await vi.advanceTimersByTimeAsync(2999);
    expect(check.isAlive).toBe(true);
    expect(asked).toHaveLength(6);
    check.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
