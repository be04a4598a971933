import { Endpoint } from '@litz/core';
import { SystemError } from '@litz/sys';
import { describe, expect, it } from 'vitest';
import { createCaptureSystem } from '../../src/linux/capture-system.ts';

const PEER = new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820);

describe('createCaptureSystem', () => {
  it('looks up the route with the mark of the sockets, and again after a second', () => {
    const { system, asked, clock } = open();
    expect(system.localAddress?.(PEER, 7)).toEqual(Uint8Array.of(10, 0, 0, 1));
    clock.now += 999;
    expect(system.localAddress?.(PEER, 7)).toEqual(Uint8Array.of(10, 0, 0, 1));
    expect(asked).toEqual([[PEER.address, { mark: 7 }]]);
    clock.now += 1;
    system.localAddress?.(PEER, 7);
    expect(asked.length).toBe(2);
    // The clock went back.
    clock.now -= 5000;
    system.localAddress?.(PEER, 7);
    expect(asked.length).toBe(3);
  });

  it('knows no address if there is no route, and does not look up the route to a scoped address', () => {
    const { system, asked, fail } = open();
    const local = new Endpoint(new Uint8Array(16).fill(0xfe), 1, { scopeId: 2 });
    expect(system.localAddress?.(local, 0)).toBeUndefined();
    expect(asked).toEqual([]);
    fail.error = new SystemError('netlink', 101);
    expect(system.localAddress?.(PEER, 0)).toBeUndefined();
  });

  it('keeps a bounded number of addresses, so it looks up the first one again after many others', () => {
    const { system, asked } = open();
    for (let i = 1; i <= 3000; i++) {
      system.localAddress?.(new Endpoint(Uint8Array.of(10, 1, i >> 8, i & 255), 1), 0);
    }
    system.localAddress?.(new Endpoint(Uint8Array.of(10, 1, 0, 1), 1), 0);
    expect(asked.length).toBe(3001);
  });
});

interface Opened {
  readonly system: ReturnType<typeof createCaptureSystem>;
  readonly asked: unknown[];
  readonly clock: { now: number };
  readonly fail: { error: Error | undefined };
}

function open(): Opened {
  const asked: unknown[] = [];
  const clock = { now: 1e12 };
  const fail: Opened['fail'] = { error: undefined };
  const routeTo = (address: Uint8Array, options: unknown): never => {
    asked.push([address, options]);
    if (fail.error) throw fail.error;
    return { source: Uint8Array.of(10, 0, 0, 1) } as never;
  };
  const sys = { realtimeMs: () => clock.now, readRealtime: () => {}, SystemError };
  return { system: createCaptureSystem(sys, { routeTo }), asked, clock, fail };
}
