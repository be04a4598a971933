import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StatusFeed, type Viewer } from '../../src/page/status-feed.ts';
import type { MeshStatus } from '../../src/status/mesh-status.ts';
import { exampleStatus } from './example-status.ts';

let asked: number;
let answer: () => MeshStatus | Promise<MeshStatus>;
let feed: StatusFeed;

describe('StatusFeed', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    asked = 0;
    answer = () => exampleStatus({ count: 1, second: asked });
    feed = new StatusFeed({
      status: () => {
        asked++;
        return answer();
      },
    });
  });
  afterEach(() => vi.useRealTimers());

  test('does not call the source without viewers', async () => {
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toBe(0);
    const viewer = new TestViewer();
    feed.add(viewer);
    await vi.advanceTimersByTimeAsync(2500);
    feed.remove(viewer);
    expect(asked).toBe(3);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('sends a status at once, then each second', async () => {
    const viewer = new TestViewer();
    feed.add(viewer);
    await vi.advanceTimersByTimeAsync(0);
    expect(viewer.seconds()).toEqual([1]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(viewer.seconds()).toEqual([1, 2, 3]);
  });

  test('calls the source once for all viewers, and sends a new viewer the last status', async () => {
    const [first, second] = [new TestViewer(), new TestViewer()];
    feed.add(first);
    await vi.advanceTimersByTimeAsync(500);
    feed.add(second);
    expect(second.seconds()).toEqual([1]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toBe(2);
    expect(second.texts).toEqual(first.texts);
    expect(feed.viewers).toBe(2);
  });

  test('sends a new status to a viewer that comes back', async () => {
    const viewer = new TestViewer();
    feed.add(viewer);
    await vi.advanceTimersByTimeAsync(0);
    feed.remove(viewer);
    await vi.advanceTimersByTimeAsync(60_000);
    feed.add(viewer);
    await vi.advanceTimersByTimeAsync(0);
    expect(viewer.seconds()).toEqual([1, 2]);
  });

  test('skips a viewer that has not read the last status', async () => {
    const [slow, fast] = [new TestViewer(), new TestViewer()];
    feed.add(slow);
    feed.add(fast);
    await vi.advanceTimersByTimeAsync(0);
    slow.ready = false;
    await vi.advanceTimersByTimeAsync(2000);
    slow.ready = true;
    await vi.advanceTimersByTimeAsync(1000);
    expect(slow.seconds()).toEqual([1, 4]);
    expect(fast.seconds()).toEqual([1, 2, 3, 4]);
  });

  test('pauses ten times as long as the source needs for a status, to limit the CPU time for a large mesh', async () => {
    answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return exampleStatus({ count: 1, second: asked });
    };
    feed.add(new TestViewer());
    await vi.advanceTimersByTimeAsync(300 + 2999);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toBe(2);
  });

  test('calls the source once at a time, also when viewers come and go', async () => {
    const answers: (() => void)[] = [];
    answer = () =>
      new Promise((resolve) =>
        answers.push(() => resolve(exampleStatus({ count: 1, second: asked }))),
      );
    const viewer = new TestViewer();
    feed.add(viewer);
    feed.remove(viewer);
    feed.add(viewer);
    expect(asked).toBe(1);
    answers[0]?.();
    await vi.advanceTimersByTimeAsync(999);
    expect(viewer.seconds()).toEqual([1]);
    expect(asked).toBe(1);
  });

  test('does not call the source again when the last viewer has left during a call', async () => {
    const answers: (() => void)[] = [];
    answer = () =>
      new Promise((resolve) => answers.push(() => resolve(exampleStatus({ count: 1 }))));
    const viewer = new TestViewer();
    feed.add(viewer);
    feed.remove(viewer);
    answers[0]?.();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([asked, viewer.texts, vi.getTimerCount()]).toEqual([1, [], 0]);
  });

  test('reports why there is no status, and continues', async () => {
    const viewer = new TestViewer();
    answer = () => {
      throw new Error('no\ndaemon');
    };
    feed.add(viewer);
    await vi.advanceTimersByTimeAsync(0);
    expect(viewer.texts).toEqual(['event: trouble\ndata: "no\\ndaemon"\n\n']);
    answer = () => exampleStatus({ count: 1, second: 7 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(viewer.texts.length).toBe(2);
  });

  test('writes an event as one line, whatever the name of a node is', async () => {
    const viewer = new TestViewer();
    answer = () => exampleStatus({ count: 1, names: ['a\n\ndata: b\r\n'] });
    feed.add(viewer);
    await vi.advanceTimersByTimeAsync(0);
    expect(viewer.texts[0]).toMatch(/^data: [^\n\r]*\n\n$/);
  });
});

class TestViewer implements Viewer {
  ready = true;
  readonly texts: string[] = [];

  isReady(): boolean {
    return this.ready;
  }

  send(text: string): void {
    this.texts.push(text);
  }

  /** The second of the example in each received status. */
  seconds(): number[] {
    const start = exampleStatus({ count: 0 }).time;
    return this.texts
      .map((text) => (JSON.parse(text.slice(6)) as MeshStatus).time - start)
      .map((ms) => ms / 1000);
  }
}
