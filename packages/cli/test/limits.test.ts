import { describe, expect, test } from 'vitest';
import { missingResource, possibleConnections, type ProcessState } from '../src/limits.ts';

describe('possibleConnections', () => {
  test('returns fewer connections if the limit of open files is low, so that 32 descriptors stay free', () => {
    const { openFiles } = state();
    expect(possibleConnections(4096, state())).toBe(4096);
    expect(possibleConnections(4096, state({ files: '256' }))).toBe(256 - openFiles - 32);
    expect(possibleConnections(10, state({ files: '256' }))).toBe(10);
    expect(possibleConnections(10, state({ files: '20' }))).toBe(1);
  });
});

describe('missingResource', () => {
  test('reports nothing if the limits are large enough', () => {
    expect(missingResource(['wg0'], state())).toBeUndefined();
  });

  test('reports that the limit of open files is too low, and the needed limit', () => {
    expect(missingResource(['wg0'], state({ files: '216' }))).toBe(
      'the limit of open files (ulimit -n) is 216, expected at least 217',
    );
    expect(missingResource(['wg0'], state({ files: '217' }))).toBeUndefined();
    expect(missingResource(['--version'], state({ files: '19' }))).toContain('ulimit -n');
  });

  test('reports that too little address space is left for a device', () => {
    const space = String((700_000 + 1_100_000) * 1024 - 1);
    for (const words of [['wg0'], ['-f', 'wg0'], ['up', 'wg0'], ['demo'], []]) {
      expect(missingResource(words, state({ space }))).toBe(
        'the limit of address space (ulimit -v) is 1799999 kB, expected at least 1800000 kB',
      );
    }
    expect(missingResource(['wg0'], state({ space: String(1_800_000 * 1024) }))).toBeUndefined();
  });

  test.each([['genkey'], ['genpsk'], ['pubkey'], ['--version'], ['--help'], ['-h']])(
    'requires less address space for %s, which opens no device',
    (word) => {
      expect(missingResource([word], state({ space: String(1_100_000 * 1024) }))).toBeUndefined();
      expect(missingResource([word], state({ space: String(1_000_000 * 1024) }))).toContain(
        'expected at least 1100000 kB',
      );
    },
  );

  test('reports nothing if there is no /proc', () => {
    expect(missingResource(['wg0'], undefined)).toBeUndefined();
    expect(missingResource(['wg0'], { limits: '', status: '', openFiles: 3 })).toBeUndefined();
  });
});

function state({ files = '1048576', space = 'unlimited' } = {}): ProcessState {
  return {
    limits: `Limit                     Soft Limit           Hard Limit           Units
Max open files            ${files.padEnd(20)} 1048576              files
Max locked memory         65536                65536                bytes
Max address space         ${space.padEnd(20)} unlimited            bytes
`,
    status: 'Name:\tnode\nVmPeak:\t  728652 kB\nVmSize:\t  700000 kB\n',
    openFiles: 17,
  };
}
