import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AgentLock } from '../../src/agent/agent-lock.ts';

let folder: string;
let locks: AgentLock[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-lock-'));
  locks = [];
});

afterEach(() => {
  for (const lock of locks) lock.close();
  rmSync(folder, { recursive: true });
});

describe('AgentLock', () => {
  test('refuses a second agent in the network namespace, and names the interface of the first one', () => {
    take('litz0', 'state');
    expect(() => take('litz1', 'other')).toThrow(
      /^another agent \(litz0, process \d+\) runs in this network namespace, .*agent-\d+\.lock\)$/,
    );
  });

  test('refuses a second agent that uses the same keys, and the refused agent holds no lock', () => {
    take('litz0', 'state');
    expect(() => take('litz0', 'state', 'elsewhere')).toThrow(
      /uses the keys of this interface in this directory, .*state\/litz0\.lock\)$/,
    );
    take('litz1', 'state', 'elsewhere');
  });

  test('leaves no file when it is closed, and allows the next agent', () => {
    take('litz0', 'state').close();
    take('litz0', 'state').close();
    expect([...readdirSync(join(folder, 'run')), ...readdirSync(join(folder, 'state'))]).toEqual(
      [],
    );
  });

  test('allows an agent to start without a lock if no lock can be made, and reports why', () => {
    writeFileSync(join(folder, 'run'), '');
    mkdirSync(join(folder, 'state', 'litz0.lock'), { recursive: true });
    expect(take('litz0', 'state').troubles).toEqual([
      expect.stringMatching(/^a second agent would not be noticed: .*run\/agent-\d+\.lock: /),
      expect.stringMatching(
        /^a second agent would not be noticed: .*litz0\.lock: the path is a directory \(EISDIR\)$/,
      ),
    ]);
  });
});

function take(interfaceName: string, state: string, run = 'run'): AgentLock {
  const lock = new AgentLock({
    interfaceName,
    stateFolder: join(folder, state),
    runtimeFolder: join(folder, run),
  });
  locks.push(lock);
  return lock;
}
