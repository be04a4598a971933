import { generateKeyPair, parsePublicKey } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { MOST_GENERATION, type NodeKey } from '../../src/record/node-record.ts';
import { planKeys, planRaises, type Identities, type KeysView } from '../../src/keys/rotation.ts';

const key = (generation: number): NodeKey => ({
  publicKey: parsePublicKey(generateKeyPair().publicKey),
  generation,
  createdAt: 0,
});
const OLD = key(3);
const NEW = key(4);
const OTHER = key(9);
const only = (own: NodeKey): Identities => ({ own: own.publicKey, next: undefined });
const BOTH: Identities = { own: OLD.publicKey, next: NEW.publicKey };

const RESTING: KeysView = {
  keys: [OLD],
  recordKeys: [OLD],
  daemon: only(OLD),
  unanswered: [],
  isOverdue: false,
};

describe('planKeys', () => {
  it('has one key for everything while there is no rotation', () => {
    expect(planKeys(RESTING)).toEqual({
      own: OLD,
      next: undefined,
      published: [OLD],
      obsolete: undefined,
      waitsFor: [],
    });
  });

  it('plans no record while the record in the registry is not known', () => {
    for (const keys of [[OLD], [OLD, NEW]]) {
      expect(planKeys({ ...RESTING, keys, recordKeys: undefined }).published).toBeUndefined();
    }
  });

  describe('rotates', () => {
    const rotating: KeysView = { ...RESTING, keys: [OLD, NEW] };

    it('by configuring the daemon first, and publishing the key only when the daemon has both keys', () => {
      for (const daemon of [undefined, only(OLD)]) {
        const plan = planKeys({ ...rotating, daemon });
        expect(plan).toMatchObject({ own: OLD, next: NEW, published: [OLD] });
      }
      const plan = planKeys({ ...rotating, daemon: BOTH });
      expect(plan).toMatchObject({ own: OLD, next: NEW, published: [OLD, NEW] });
    });

    it('by waiting for the handshakes of all peers', () => {
      const told: KeysView = { ...rotating, daemon: BOTH, recordKeys: [OLD, NEW] };
      const plan = planKeys({ ...told, unanswered: ['n2', 'n3'] });
      expect(plan).toMatchObject({ own: OLD, next: NEW, published: [OLD, NEW] });
      expect(plan.waitsFor).toEqual(['n2', 'n3']);
      expect(planKeys(told)).toMatchObject({ own: OLD, next: NEW, published: [NEW] });
    });

    it('by continuing without peers that do not answer in time', () => {
      const told: KeysView = { ...rotating, daemon: BOTH, recordKeys: [OLD, NEW] };
      const plan = planKeys({ ...told, unanswered: ['n2'], isOverdue: true });
      expect(plan).toMatchObject({ published: [NEW], waitsFor: [], obsolete: undefined });
    });

    it('by promoting the key when the record has only that key, and only then deleting the old one', () => {
      const written: KeysView = { ...rotating, recordKeys: [NEW], daemon: BOTH };
      expect(planKeys(written)).toMatchObject({
        own: NEW,
        next: undefined,
        published: [NEW],
        obsolete: undefined,
      });
      expect(planKeys({ ...written, daemon: undefined }).obsolete).toBeUndefined();
      expect(planKeys({ ...written, daemon: only(NEW) }).obsolete).toBe(OLD);
    });

    it('by writing the record twice, whatever happens in between', () => {
      const views: KeysView[] = [
        { ...rotating, daemon: BOTH },
        { ...rotating, daemon: BOTH, recordKeys: [OLD, NEW], unanswered: ['n2'] },
        { ...rotating, daemon: BOTH, recordKeys: [OLD, NEW] },
        { ...rotating, daemon: BOTH, recordKeys: [NEW] },
        { ...rotating, daemon: only(NEW), recordKeys: [NEW] },
      ];
      const writes = views.filter((view) => {
        const { published } = planKeys(view);
        return published !== view.recordKeys && differs(published, view.recordKeys);
      });
      expect(writes).toHaveLength(2);
    });

    it('without returning to the old key if the agent restarts and cannot read the registry', () => {
      const unknown: KeysView = { ...rotating, recordKeys: undefined };
      expect(planKeys({ ...unknown, daemon: only(NEW) })).toMatchObject({ own: NEW });
      expect(planKeys({ ...unknown, daemon: BOTH })).toMatchObject({ own: OLD, next: NEW });
    });
  });

  it('gives a new key to the daemon and the record at once if the earlier keys were revoked', () => {
    const revoked: KeysView = { ...RESTING, keys: [OTHER] };
    for (const view of [revoked, { ...revoked, daemon: BOTH, recordKeys: [OLD, NEW] }]) {
      expect(planKeys(view)).toMatchObject({ own: OTHER, next: undefined, published: [OTHER] });
    }
  });

  it('refuses an empty list of keys and a list of three keys', () => {
    expect(() => planKeys({ ...RESTING, keys: [] })).toThrow('got 0');
    expect(() => planKeys({ ...RESTING, keys: [OLD, NEW, OTHER] })).toThrow('got 3');
  });
});

describe('planRaises', () => {
  it('keeps the generations if the record has only keys of this node with these generations', () => {
    expect(planRaises([OLD], [])).toEqual([]);
    expect(planRaises([OLD], [OLD])).toEqual([]);
    expect(planRaises([OLD, NEW], [OLD])).toEqual([]);
    expect(planRaises([OLD, NEW], [OLD, NEW])).toEqual([]);
    expect(planRaises([OLD, NEW], [NEW])).toEqual([]);
  });

  it('raises the generation of a key above the generations of a record without the key', () => {
    expect(planRaises([OLD], [OTHER])).toEqual([{ from: 3, to: 10 }]);
    expect(planRaises([OLD, NEW], [OTHER])).toEqual([
      { from: 4, to: 11 },
      { from: 3, to: 10 },
    ]);
  });

  it('keeps the generations if too few numbers are free above the generations of the record', () => {
    const last = { ...OTHER, generation: MOST_GENERATION };
    expect(planRaises([OLD], [last])).toEqual([]);
    expect(planRaises([OLD, NEW], [last])).toEqual([]);
    expect(planRaises([OLD, NEW], [{ ...OTHER, generation: MOST_GENERATION - 1 }])).toEqual([]);
    expect(planRaises([OLD], [{ ...OTHER, generation: MOST_GENERATION - 1 }])).toEqual([
      { from: 3, to: MOST_GENERATION },
    ]);
  });

  it('raises a key to the generation that the record has for it', () => {
    expect(planRaises([OLD], [{ ...OLD, generation: 7 }])).toEqual([{ from: 3, to: 7 }]);
    expect(planRaises([OLD, NEW], [{ ...OLD, generation: 7 }])).toEqual([
      { from: 4, to: 8 },
      { from: 3, to: 7 },
    ]);
  });
});

function differs(a: readonly NodeKey[] = [], b: readonly NodeKey[] = []): boolean {
  return a.map(({ generation }) => generation).join() !== b.map((k) => k.generation).join();
}
