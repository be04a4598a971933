import type { ChangedPeer } from '@litz/config';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PeerFeed } from '../../src/uapi/peer-feed.ts';
import { BOB } from '../in-memory.ts';

const CHANGE: ChangedPeer = {
  publicKey: BOB.publicKey,
  isRemoved: false,
  endpoint: undefined,
  lastHandshakeUnixMs: 0,
};

let tell: (peer: ChangedPeer) => void;
const unfollow = vi.fn<() => void>();
const follow = vi.fn<(listener: typeof tell) => () => void>((listener) => {
  tell = listener;
  return unfollow;
});

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
});
afterEach(() => vi.useRealTimers());

describe('PeerFeed', () => {
  it('listens to the device while it has a reader, and a little longer', () => {
    const feed = new PeerFeed(follow, { keptMs: 1000 });
    expect(follow).not.toHaveBeenCalled();
    feed.open()?.close();
    vi.advanceTimersByTime(999);
    expect(unfollow).not.toHaveBeenCalled();
    const again = feed.open();
    vi.advanceTimersByTime(5000);
    expect(follow).toHaveBeenCalledOnce();
    again?.close();
    again?.close();
    vi.advanceTimersByTime(1000);
    expect(unfollow).toHaveBeenCalledOnce();
  });

  it('returns the changes after a cursor in order, and at most the requested number', () => {
    const feed = openFeed({ firstCursor: () => 10 });
    for (let time = 1; time <= 3; time++) tell({ ...CHANGE, lastHandshakeUnixMs: time });
    expect(timesSince(feed, 10, 9)).toEqual([1, 2, 3]);
    expect(timesSince(feed, 11, 1)).toEqual([2]);
    expect(timesSince(feed, 13, 9)).toEqual([]);
  });

  it('returns undefined for a cursor from before its start, for one that it has not reached, and for one whose changes were overwritten', () => {
    const feed = openFeed({ capacity: 2, firstCursor: () => 10 });
    for (let time = 1; time <= 3; time++) tell({ ...CHANGE, lastHandshakeUnixMs: time });
    expect(timesSince(feed, 9, 9)).toBeUndefined();
    expect(timesSince(feed, 10, 9)).toBeUndefined();
    expect(timesSince(feed, 11, 9)).toEqual([2, 3]);
    expect(timesSince(feed, 14, 9)).toBeUndefined();
  });

  it('never uses a cursor twice, even after it stopped listening and the clock went back', () => {
    const feed = new PeerFeed(follow, { keptMs: 1 });
    const reader = feed.open();
    tell(CHANGE);
    const { cursor } = feed;
    reader?.close();
    vi.advanceTimersByTime(10);
    // The feed has stopped listening. If it took its first cursor from the clock when it listens
    // again, a clock that went back by 12 ms would make it use the same cursors a second time.
    vi.setSystemTime(Date.now() - 12);
    feed.open();
    for (let i = 0; i < 3000; i++) tell(CHANGE);
    expect(feed.since(cursor, 9)).toBeUndefined();
  });

  it('wakes a waiting reader when a peer changes and when the feed is closed', async () => {
    const feed = new PeerFeed(follow);
    const reader = feed.open()!;
    const { cursor } = feed;
    const changed = reader.changed(cursor);
    tell(CHANGE);
    await expect(changed).resolves.toBe(true);
    await expect(reader.changed(cursor)).resolves.toBe(true);
    const ended = reader.changed(feed.cursor);
    feed.close();
    await expect(ended).resolves.toBe(false);
  });

  it('refuses more readers than allowed', () => {
    const feed = new PeerFeed(follow, { maxReaders: 1 });
    const first = feed.open();
    expect(feed.open()).toBeUndefined();
    first?.close();
    expect(feed.open()).toBeDefined();
  });
});

function openFeed(options: ConstructorParameters<typeof PeerFeed>[1]): PeerFeed {
  const feed = new PeerFeed(follow, options);
  feed.open();
  return feed;
}

function timesSince(feed: PeerFeed, cursor: number, most: number): number[] | undefined {
  return feed.since(cursor, most)?.map(({ lastHandshakeUnixMs }) => lastHandshakeUnixMs);
}
