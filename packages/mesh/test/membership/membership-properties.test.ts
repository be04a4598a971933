/**
 * Properties of a membership after any sequence of events.
 *
 * @module
 */
import { parseCidr } from '@litz/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { refusalInContext } from '../../src/membership/membership-context.ts';
import { Membership } from '../../src/membership/membership.ts';
import type { MeshPeer } from '../../src/membership/mesh-peer.ts';
import { peerOf, recordOfPeer } from '../../src/membership/peer-of-record.ts';
import { overlaps } from '../../src/record/cidr-relations.ts';
import { RecordError, type NodeRecord, type ReadRecord } from '../../src/record/node-record.ts';
import { keyOf, recordOf, RUNS } from '../records.ts';
import { contextOf } from './contexts.ts';

type Step =
  | { readonly what: 'record'; readonly record: NodeRecord }
  | { readonly what: 'bad' | 'deleted' | 'expired'; readonly name: string }
  | { readonly what: 'sync'; readonly records: readonly NodeRecord[] }
  | { readonly what: 'renewing'; readonly names: readonly string[]; readonly afterMs: number };

/** A membership, and the test's own model of the registry. */
interface World {
  readonly membership: Membership;
  readonly living: Map<string, ReadRecord>;
  now: number;
}

describe('Membership', () => {
  test('never has two peers with the same key, the same address or overlapping prefixes', () => {
    holdsAfterAnySteps(({ membership }) => {
      const peers = [...membership.peers.values()];
      expect(peers.filter((peer) => peers.some((other) => clashes(peer, other)))).toEqual([]);
    });
  });

  test('never accepts a peer that clashes with this node', () => {
    holdsAfterAnySteps(({ membership }) => {
      const peers = [...membership.peers.values()];
      const refused = peers.filter((peer) => refusalInContext(recordOfPeer(peer), contextOf()));
      expect(refused).toEqual([]);
    });
  });

  test('accepts every living record that clashes neither with another living peer nor with this node', () => {
    holdsAfterAnySteps(({ membership, living }) => {
      const others = [...membership.peers.values()].filter(({ name }) => living.has(name));
      const left = [...living.values()].filter((record) => {
        if (record instanceof RecordError || refusalInContext(record, contextOf())) return false;
        const peer = peerOf(record, contextOf());
        const isAccepted = sameText(membership.peers.get(record.name), peer);
        return !isAccepted && !others.some((other) => clashes(peer, other));
      });
      expect(left).toEqual([]);
    });
  });

  test('leaves the peer of a living record as it is, whatever other nodes write', () => {
    fc.assert(
      fc.property(fc.array(step(), { maxLength: 30, size: 'max' }), step(), (steps, last) => {
        const world = worldAfter(steps);
        const before = new Map(world.membership.peers);
        const settled = [...before.values()].filter(({ name }) =>
          sameText(before.get(name), peerOrNone(world.living.get(name))),
        );
        run(world, last);
        const isOthers = ({ name }: MeshPeer): boolean => !concerns(last, name);
        const changed = settled.filter(isOthers).filter(({ name }) => {
          return world.membership.peers.get(name) !== before.get(name);
        });
        expect(changed).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  test('keeps an expired peer unless another node has its claims, and removes a deleted peer', () => {
    fc.assert(
      fc.property(fc.array(step(), { maxLength: 30, size: 'max' }), name(), (steps, gone) => {
        const world = worldAfter(steps);
        const before = world.membership.peers.get(gone);
        run(world, { what: 'expired', name: gone });
        const after = world.membership.peers.get(gone);
        const others = [...world.membership.peers.values()];
        const isTaken = before && others.some((other) => clashes(other, before));
        expect(after).toBe(isTaken ? undefined : before);
        run(world, { what: 'deleted', name: gone });
        expect(world.membership.peers.has(gone)).toBe(false);
      }),
      { numRuns: RUNS },
    );
  });

  test('does not depend on the order of the first list', () => {
    fc.assert(
      fc.property(records(), fc.infiniteStream(fc.nat()), (list, order) => {
        const numbers = list.map(() => order.next().value);
        const turned = list.toSorted((a, b) => numbers[list.indexOf(a)] - numbers[list.indexOf(b)]);
        expect(namesAfter(turned)).toEqual(namesAfter(list));
      }),
      { numRuns: RUNS },
    );
  });
});

function holdsAfterAnySteps(check: (world: World) => void): void {
  fc.assert(
    fc.property(fc.array(step(), { maxLength: 40, size: 'max' }), (steps) => {
      const world = worldAfter([]);
      for (const next of steps) {
        run(world, next);
        check(world);
      }
    }),
    { numRuns: RUNS },
  );
}

function worldAfter(steps: readonly Step[]): World {
  const membership = new Membership(contextOf());
  const world = { membership, living: new Map<string, ReadRecord>(), now: 0 };
  membership.sync(new Map(), 0);
  for (const next of steps) run(world, next);
  return world;
}

function run(world: World, next: Step): void {
  const { membership, living } = world;
  switch (next.what) {
    case 'record':
      living.set(next.record.name, next.record);
      membership.record(next.record.name, next.record);
      break;
    case 'bad': {
      const error = new RecordError(next.name, 'port', 'is bad');
      living.set(next.name, error);
      membership.record(next.name, error);
      break;
    }
    case 'deleted':
    case 'expired':
      living.delete(next.name);
      membership.gone(next.name, next.what, world.now);
      break;
    case 'sync':
      living.clear();
      for (const record of next.records) living.set(record.name, record);
      membership.sync(new Map(living), world.now);
      break;
    case 'renewing':
      world.now += next.afterMs;
      membership.renewing(new Set(next.names), world.now);
      break;
    default:
      next satisfies never;
  }
}

/** Returns whether the step can change the peer of a living record with this name. */
function concerns(next: Step, name: string): boolean {
  if (next.what === 'sync') return true;
  if (next.what === 'renewing') return false;
  return (next.what === 'record' ? next.record.name : next.name) === name;
}

function namesAfter(list: readonly NodeRecord[]): string[] {
  const membership = new Membership(contextOf());
  membership.sync(new Map(list.map((record) => [record.name, record])), 0);
  return [...membership.peers.keys()].toSorted();
}

function peerOrNone(record: ReadRecord | undefined): MeshPeer | undefined {
  const isGood = record && !(record instanceof RecordError);
  return isGood ? peerOf(record, contextOf()) : undefined;
}

function clashes(a: MeshPeer, b: MeshPeer): boolean {
  if (a.name === b.name) return false;
  return (
    keysOf(a).some((key) => keysOf(b).includes(key)) ||
    a.addresses.some((address) => b.addresses.includes(address)) ||
    a.prefixes.some((prefix) => b.prefixes.some((other) => overlaps(prefix, other))) ||
    isAddressIn(a, b) ||
    isAddressIn(b, a)
  );
}

function keysOf({ keys }: MeshPeer): string[] {
  return keys.map(({ publicKey }) => publicKey.toBase64());
}

function isAddressIn({ addresses }: MeshPeer, { prefixes }: MeshPeer): boolean {
  return prefixes.some((prefix) =>
    addresses.some((address) => overlaps(prefix, parseCidr(address))),
  );
}

function sameText(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** There are few names, keys, addresses and prefixes, so that records clash often. */
function step(): fc.Arbitrary<Step> {
  return fc.oneof(
    { weight: 6, arbitrary: record().map((value): Step => ({ what: 'record', record: value })) },
    fc
      .tuple(fc.constantFrom('bad', 'deleted', 'expired'), name())
      .map(([what, node]): Step => ({ what, name: node })),
    records().map((value): Step => ({ what: 'sync', records: value })),
    fc
      .tuple(fc.subarray(NAMES), fc.nat(400_000))
      .map(([names, afterMs]): Step => ({ what: 'renewing', names, afterMs })),
  );
}

function name(): fc.Arbitrary<string> {
  return fc.constantFrom(...NAMES);
}

function records(): fc.Arbitrary<NodeRecord[]> {
  return fc.uniqueArray(record(), { maxLength: 5, selector: (value) => value.name });
}

function record(): fc.Arbitrary<NodeRecord> {
  return fc
    .record({
      node: name(),
      key: fc.nat(5),
      createdAt: fc.nat(2),
      address: fc.integer({ min: 98, max: 104 }),
      prefixes: fc.subarray(PREFIXES, { maxLength: 2 }),
    })
    .map(({ node, key, createdAt, address, prefixes }) =>
      recordOf(1, {
        name: node,
        keys: [{ publicKey: keyOf(key), generation: 0, createdAt }],
        addresses: [`192.0.2.${address}`],
        prefixes: prefixes.map(parseCidr),
      }),
    );
}

const NAMES = ['a', 'b', 'c', 'd'];
const PREFIXES = [
  '10.244.0.0/24',
  '10.244.1.0/24',
  '10.244.1.128/25',
  '10.244.2.0/23',
  '10.244.3.0/24',
];
