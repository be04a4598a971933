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

  it('returns the peer and source of the last drop for a reason, once', () => {
    const counters = new DropCounters();
    const nobody = { peer: undefined, source: undefined };
    expect(counters.takeSubject('invalid-tag')).toEqual(nobody);
    const [first, second] = [createPerson(1), createPerson(2)];
    counters.concern('invalid-tag', first.publicKey);
    counters.concern('invalid-tag', second.publicKey, second.endpoint);
    counters.concern('bad-mac1', undefined, first.endpoint);
    expect(counters.takeSubject('invalid-tag')).toEqual({
      peer: second.publicKey,
      source: second.endpoint,
    });
    expect(counters.takeSubject('invalid-tag')).toEqual(nobody);
    expect(counters.takeSubject('bad-mac1')).toEqual({ peer: undefined, source: first.endpoint });
    expect(counters.takeSubject('no-peer')).toEqual(nobody);
  });

  it('keeps the remembered value if an argument is undefined', () => {
    const counters = new DropCounters();
    const { publicKey, endpoint } = createPerson(1);
    counters.concern('invalid-tag', publicKey);
    counters.concern('invalid-tag', undefined, endpoint);
    counters.concern('invalid-tag', undefined);
    expect(counters.takeSubject('invalid-tag')).toEqual({ peer: publicKey, source: endpoint });
  });
});
