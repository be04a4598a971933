import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { PeerMemory } from '../../src/agent/peer-memory.ts';
import type { MeshPeer } from '../../src/membership/mesh-peer.ts';
import { peerOf } from '../../src/membership/peer-of-record.ts';
import { contextOf } from '../membership/contexts.ts';
import { recordOf } from '../records.ts';

let folder: string;
let troubles: (string | undefined)[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-memory-'));
  troubles = [];
  const made = folder;
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
});

function memory(): PeerMemory {
  return new PeerMemory(folder, 'litz0', (trouble) => troubles.push(trouble));
}

function peersOf(...numbers: readonly number[]): Map<string, MeshPeer> {
  return new Map(
    numbers.map((number) => [`n${number}`, peerOf(recordOf(number), contextOf())] as const),
  );
}

function names(): string[] {
  return [...memory().read().keys()];
}

describe('PeerMemory', () => {
  it('returns the records as they were accepted', () => {
    memory().open(peersOf(1, 2));
    expect(memory().read()).toEqual(
      new Map([
        ['n1', recordOf(1)],
        ['n2', recordOf(2)],
      ]),
    );
    expect(statSync(join(folder, 'litz0.peers')).mode & 0o777).toBe(0o600);
    expect(troubles).toEqual([undefined]);
  });

  it('is empty if there is no file, or if the path is a folder', () => {
    expect(names()).toEqual([]);
    mkdirSync(join(folder, 'litz0.peers'));
    expect(names()).toEqual([]);
  });

  it('adds a change to the file, and does not write the whole file again', () => {
    const first = memory();
    first.open(peersOf(1, 2));
    const { length } = readFileSync(join(folder, 'litz0.peers'));
    first.note(['n1', 'n3'], peersOf(2, 3));
    expect(names()).toEqual(['n2', 'n3']);
    expect(readFileSync(join(folder, 'litz0.peers')).length - length).toBeLessThan(length);
  });

  it('writes nothing before it is open', () => {
    memory().note(['n1'], peersOf(1));
    expect(names()).toEqual([]);
  });

  it('skips a half line and a line that is not a record', () => {
    memory().open(peersOf(1));
    appendFileSync(join(folder, 'litz0.peers'), '["n2",{"name"\n7\n["n3",{}]\n[4,null]\n["n');
    expect(names()).toEqual(['n1']);
  });

  it('writes the missed changes too when the file can be written again', () => {
    const first = memory();
    first.open(peersOf(1));
    const path = join(folder, 'litz0.peers');
    rmSync(path);
    mkdirSync(path);
    first.note(['n2'], peersOf(1, 2));
    expect(troubles).toEqual([
      undefined,
      `${path} cannot be written: the path is a directory (EISDIR)`,
    ]);
    rmSync(path, { recursive: true });
    first.note(['n3'], peersOf(1, 2, 3));
    expect(names()).toEqual(['n1', 'n2', 'n3']);
    expect(troubles.at(-1)).toBeUndefined();
  });

  it('writes only the later changes to a new file after another program has deleted the file', () => {
    const first = memory();
    first.open(peersOf(1));
    first.note(['n2'], peersOf(1, 2));
    rmSync(join(folder, 'litz0.peers'));
    first.note(['n3'], peersOf(1, 2, 3));
    expect(names()).toEqual(['n3']);
    expect(troubles).toEqual([undefined, undefined, undefined]);
  });

  it('writes nothing after it was closed, and keeps the file', () => {
    const first = memory();
    first.open(peersOf(1));
    first.note(['n2'], peersOf(1, 2));
    first.close();
    first.note(['n3'], peersOf(1, 2, 3));
    expect(names()).toEqual(['n1', 'n2']);
  });

  it('writes the whole file again when most of its lines are outdated', () => {
    const first = memory();
    first.open(peersOf(1));
    for (let i = 0; i < 2000; i++) first.note(['n1'], peersOf(1));
    const lines = readFileSync(join(folder, 'litz0.peers'), 'utf8').split('\n').length;
    expect(lines).toBeLessThan(1010);
    expect(names()).toEqual(['n1']);
  });

  it('reports why it cannot be written, and when it can be written again', () => {
    const first = memory();
    mkdirSync(join(folder, 'litz0.peers'));
    first.open(peersOf(1));
    rmSync(join(folder, 'litz0.peers'), { recursive: true });
    first.note(['n1'], peersOf(1));
    expect(troubles).toEqual([
      expect.stringMatching(/litz0\.peers cannot be written: .*\(E[A-Z]+\)/),
      undefined,
    ]);
  });

  it('is empty after it was removed, and remembers no later change', () => {
    const first = memory();
    first.open(peersOf(1));
    first.remove();
    first.note(['n1'], peersOf(1));
    expect(names()).toEqual([]);
  });
});
