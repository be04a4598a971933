import { Endpoint } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { RunCopy } from '../src/run-copy.ts';
import { runOf } from './run-of.ts';

const PEER = new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820);

describe('RunCopy', () => {
  test('copies each field of a run, and reads it once', () => {
    const run = runOf(new Uint8Array(9), 1, 4, 3, 5, 2, PEER, 7);
    const looks: string[] = [];
    const watched = new Proxy(run, {
      get(target, field, receiver) {
        looks.push(String(field));
        return Reflect.get(target, field, receiver) as unknown;
      },
    });
    expect(new RunCopy().copy(watched)).toMatchObject({ ...run });
    expect(looks.toSorted()).toEqual(Object.keys(run).toSorted());
  });

  test('makes a run of one datagram, whatever the object contained before', () => {
    const memory = new Uint8Array(9);
    const own = new RunCopy().copy(runOf(memory, 1, 4, 3, 5, 2, PEER, 7));
    expect(own.single(memory, 2, 6, PEER, 1)).toMatchObject({
      ...runOf(memory, 2, 6, 6, 0, 1, PEER, 1),
    });
  });

  test('drops the reference to the buffer', () => {
    const own = new RunCopy().copy(runOf(new Uint8Array(9), 1, 4, 3, 5, 2, PEER));
    own.clear();
    expect(own.buffer).toHaveLength(0);
  });
});

describe('a run whose fields change between two reads', () => {
  test('is copied with the values of the first read', () => {
    let looks = 0;
    const shifty = {
      ...runOf(new Uint8Array(100), 0, 10, 10, 10, 2, PEER),
      get length(): number {
        return looks++ === 0 ? 10 : 70_000;
      },
    };
    const own = new RunCopy().copy(shifty);
    expect([own.length, own.length, looks]).toEqual([10, 10, 1]);
  });
});
