import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCidr } from '@litz/core';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { EnforcedState, type EnforcedRequest } from '../../src/agent/enforced-state.ts';

let folder: string;
let path: string;
let troubles: (string | undefined)[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-enforced-'));
  path = join(folder, 'litz0.enforced.json');
  troubles = [];
  const made = folder;
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
});

describe('EnforcedState', () => {
  it('returns what another object has stored', () => {
    state().save(REQUEST);
    expect(state().read()).toEqual(REQUEST);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(troubles).toEqual([undefined]);
  });

  it('writes the file only if something has changed', () => {
    const kept = state();
    kept.save(REQUEST);
    const { ino } = statSync(path);
    kept.save({ ...REQUEST });
    expect(statSync(path).ino).toBe(ino);
    kept.save({ ...REQUEST, port: 4242 });
    expect(state().read()?.port).toBe(4242);
  });

  it.each([
    ['no file', () => {}],
    ['a half file', () => writeFileSync(path, readFileSync(path, 'utf8').slice(0, 40))],
    ['a text that is not an object', () => writeFileSync(path, 'null')],
    ['a bad prefix', () => change({ prefixes: ['10.244.1.0/99'] })],
    ['a bad address', () => change({ addresses: ['n1.example'] })],
    [
      'a bad address of the registry',
      () => change({ registryAddresses: [{ address: 'x', port: 1 }] }),
    ],
    ['a bad port', () => change({ port: 70_000 })],
    ['a mode that does not exist', () => change({ mode: 'some' })],
    ['another version', () => change({ version: 2 })],
    ['a link', () => symlinkSync('/etc/hostname', path)],
  ])('returns nothing for %s', (what, spoil) => {
    if (what === 'no file' || what === 'a link') rmSync(path, { force: true });
    else state().save(REQUEST);
    spoil();
    expect(state().read()).toBeUndefined();
  });

  it('is gone after it was removed, and can be stored again', () => {
    const kept = state();
    kept.save(REQUEST);
    kept.remove();
    expect(state().read()).toBeUndefined();
    kept.save(REQUEST);
    expect(state().read()).toEqual(REQUEST);
  });

  it('reports why it cannot be written, and when it can be written again', () => {
    writeFileSync(join(folder, 'file'), '');
    const nowhere = new EnforcedState(join(folder, 'file'), 'litz0', (trouble) =>
      troubles.push(trouble),
    );
    nowhere.save(REQUEST);
    rmSync(join(folder, 'file'));
    nowhere.save(REQUEST);
    expect(troubles).toEqual([expect.stringContaining('cannot be written: '), undefined]);
  });
});

function state(): EnforcedState {
  return new EnforcedState(folder, 'litz0', (trouble) => troubles.push(trouble));
}

function change(fields: object): void {
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...fields }));
}

const REQUEST: EnforcedRequest = {
  port: 51871,
  mode: 'nodes',
  own: {
    prefixes: [parseCidr('10.244.1.0/24'), parseCidr('fd44:0:0:1::/64')],
    addresses: ['192.0.2.1', '2001:db8::1'],
    encryptsNode: true,
  },
  clusterPrefixes: [parseCidr('10.244.0.0/16')],
  registryAddresses: [{ address: '192.0.2.9', port: 6443 }],
};
