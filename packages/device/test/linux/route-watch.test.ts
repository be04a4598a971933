import { Endpoint } from '@litz/core';
import type { Netlink } from '@litz/sys';
import { describe, expect, it } from 'vitest';
import type { DataPlane } from '../../src/plane/data-plane.ts';
import type { LinuxPackages } from '../../src/linux/linux-packages.ts';
import { RouteWatch } from '../../src/linux/route-watch.ts';

const [FRESH, STALE] = [1, 2].map((port) => new Endpoint(Uint8Array.of(192, 0, 2, 1), port));

describe('RouteWatch', () => {
  it('has nothing to do until routes change', () => {
    const { watch, change } = create();
    watch.read();
    expect(watch.due).toBe(Infinity);
    change();
    watch.read();
    expect(watch.due).toBe(-Infinity);
  });

  it('looks at once, and no more than once a second', () => {
    const { watch, change, forgotten } = create();
    for (const [now, due] of [
      [5000, -Infinity],
      [6000, 6000],
    ] as const) {
      for (let i = 0; i < 3; i++) {
        change();
        watch.read();
        expect(watch.due).toBe(due);
      }
      watch.check(now);
      expect(watch.due).toBe(Infinity);
    }
    expect(forgotten).toHaveLength(2);
  });

  it('has those sources forgotten that are stale by the mark of the plane', () => {
    const { watch, forgotten, marks } = create();
    watch.check(0);
    expect(forgotten).toEqual([[STALE]]);
    expect(marks).toEqual([7, 7]);
  });

  it('closes its monitor', () => {
    const { watch } = create();
    expect(watch.fd).toBe(3);
    watch.close();
    expect(watch.fd).toBe(-1);
  });
});

function create(): {
  watch: RouteWatch;
  /** A route, as far as the kernel tells. */
  change: () => void;
  /** By each check. */
  forgotten: Endpoint[][];
  marks: number[];
} {
  const changes: object[] = [];
  const forgotten: Endpoint[][] = [];
  const marks: number[] = [];
  class RouteMonitor {
    fd = 3;
    read = (): object[] => changes.splice(0);
    close(): void {
      this.fd = -1;
    }
  }
  const staleSources = ([endpoint]: Endpoint[], _: Netlink, mark: number): Endpoint[] => {
    marks.push(mark);
    return endpoint === STALE ? [endpoint] : [];
  };
  const packages = { sys: { RouteMonitor }, udp: { staleSources } } as unknown as LinuxPackages;
  const plane = {
    mark: 7,
    forgetSources: (isStale: (endpoint: Endpoint) => boolean) =>
      void forgotten.push([FRESH, STALE].filter(isStale)),
  } as unknown as DataPlane;
  const watch = new RouteWatch(packages, {} as Netlink, plane);
  return { watch, change: () => changes.push({}), forgotten, marks };
}
