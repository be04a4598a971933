import { Endpoint } from '@litz/core';
import type { Netlink } from '@litz/sys';
import { describe, expect, it } from 'vitest';
import type { LinuxPackages } from '../../src/linux/linux-packages.ts';
import { RouteWatch } from '../../src/linux/route-watch.ts';

describe('RouteWatch', () => {
  it('has nothing to do until routes change', () => {
    const { watch, calls } = create(2);
    expect([watch.due, watch.isMuted]).toEqual([Infinity, false]);
    expect(calls).toEqual([]);
  });

  it('marks every endpoint as suspect at the first change, after it has read the notifications', () => {
    const { watch, calls } = create(2);
    watch.recordChange();
    expect([watch.due, watch.isMuted]).toEqual([-Infinity, true]);
    watch.markSuspects(5000);
    expect(calls).toEqual(['monitor cleared', 'suspects cleared', 1, 2]);
    expect([watch.due, watch.isMuted]).toEqual([Infinity, false]);
  });

  it('treats all changes of one second as one', () => {
    const { watch, calls } = create(1);
    for (const [now, due] of [
      [5000, -Infinity],
      [6000, 6000],
      [9000, 7000],
    ] as const) {
      calls.length = 0;
      for (let i = 0; i < 3; i++) {
        watch.recordChange();
        expect([watch.due, watch.isMuted]).toEqual([due, true]);
      }
      expect(calls).toEqual([]);
      watch.markSuspects(now);
      expect(calls).toContain('monitor cleared');
      expect([watch.due, watch.isMuted]).toEqual([Infinity, false]);
    }
  });

  it('marks many endpoints in slices, with turns of the loop in between', () => {
    const { watch, suspects } = create(2500);
    watch.recordChange();
    const counts: number[] = [];
    while (watch.due !== Infinity) {
      watch.markSuspects(5000);
      counts.push(suspects.length);
    }
    expect(counts).toEqual([1024, 2048, 2500]);
  });

  it('begins again a second later if routes change while endpoints are being marked', () => {
    const { watch, calls, suspects } = create(2500);
    watch.recordChange();
    watch.markSuspects(5000);
    watch.recordChange();
    expect([watch.due, watch.isMuted]).toEqual([-Infinity, true]);
    watch.markSuspects(5001);
    expect(suspects).toHaveLength(2048);
    calls.length = 0;
    watch.markSuspects(6000);
    expect(calls.slice(0, 3)).toEqual(['monitor cleared', 'suspects cleared', 1]);
    expect(suspects).toHaveLength(1024);
  });

  it('closes its monitor', () => {
    const { watch } = create(1);
    expect(watch.fd).toBe(3);
    watch.close();
    expect(watch.fd).toBe(-1);
  });
});

function create(peers: number): {
  watch: RouteWatch;
  /** The calls in order. A call that adds a suspect is recorded as the port of the suspect. */
  calls: (string | number)[];
  /** The ports of the suspects. */
  suspects: number[];
} {
  const calls: (string | number)[] = [];
  const suspects: number[] = [];
  class RouteMonitor {
    fd = 3;
    clear = (): number => calls.push('monitor cleared');
    close(): void {
      this.fd = -1;
    }
  }
  class SuspectSources {
    add({ port }: Endpoint): void {
      calls.push(port);
      suspects.push(port);
    }
    clear(): void {
      calls.push('suspects cleared');
      suspects.length = 0;
    }
  }
  const packages = { sys: { RouteMonitor }, udp: { SuspectSources } } as unknown as LinuxPackages;
  function* endpoints(): IterableIterator<Endpoint> {
    for (let i = 1; i <= peers; i++) yield new Endpoint(Uint8Array.of(192, 0, 2, 1), i);
  }
  return { watch: new RouteWatch(packages, {} as Netlink, { endpoints }), calls, suspects };
}
