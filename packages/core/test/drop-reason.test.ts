import { createPerson } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { DROP_REASONS, DropCounters } from '../src/drop-reason.ts';

describe('DROP_REASONS', () => {
  it('names each reason once', () => {
    expect(new Set(DROP_REASONS).size).toBe(DROP_REASONS.length);
  });
});

describe('DropCounters', () => {
  it('starts with no drops', () => {
    const counters = new DropCounters();
    expect(counters.toJSON()).toEqual({});
    for (const reason of DROP_REASONS) expect(counters.count(reason)).toBe(0);
  });

  it('counts each reason separately, one or more at a time', () => {
    const counters = new DropCounters();
    DROP_REASONS.forEach((reason, i) => {
      counters.add(reason);
      counters.add(reason, i);
    });
    DROP_REASONS.forEach((reason, i) => expect(counters.count(reason)).toBe(1 + i));
    expect(counters.toJSON()).toEqual(
      Object.fromEntries(DROP_REASONS.map((reason, i) => [reason, 1 + i])),
    );
  });

  it('returns only the reasons that occurred, in a new object', () => {
    const counters = new DropCounters();
    counters.add('invalid-tag', 2);
    counters.add('no-peer', 0);
    const told = counters.toJSON();
    expect(told).toEqual({ 'invalid-tag': 2 });
    told['invalid-tag'] = 5;
    expect(counters.count('invalid-tag')).toBe(2);
  });

  it('returns the last known peer and source of the drops for a reason, and then forgets them', () => {
    const counters = new DropCounters();
    const none = { lastPeer: undefined, lastSource: undefined };
    expect(counters.takeDetails('invalid-tag')).toEqual(none);
    const [first, second] = [createPerson(1), createPerson(2)];
    counters.noteDetails('invalid-tag', first.publicKey);
    counters.noteDetails('invalid-tag', second.publicKey, second.endpoint);
    counters.noteDetails('bad-mac1', undefined, first.endpoint);
    expect(counters.takeDetails('invalid-tag')).toEqual({
      lastPeer: second.publicKey,
      lastSource: second.endpoint,
    });
    expect(counters.takeDetails('invalid-tag')).toEqual(none);
    expect(counters.takeDetails('bad-mac1')).toEqual({
      lastPeer: undefined,
      lastSource: first.endpoint,
    });
    expect(counters.takeDetails('no-peer')).toEqual(none);
  });

  it('keeps the remembered value if an argument is undefined', () => {
    const counters = new DropCounters();
    const { publicKey, endpoint } = createPerson(1);
    counters.noteDetails('invalid-tag', publicKey);
    counters.noteDetails('invalid-tag', undefined, endpoint);
    counters.noteDetails('invalid-tag', undefined);
    expect(counters.takeDetails('invalid-tag')).toEqual({
      lastPeer: publicKey,
      lastSource: endpoint,
    });
  });
});
