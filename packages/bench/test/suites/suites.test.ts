import { nobleProvider, type Cipher } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { aeadSuite } from '../../src/suites/aead.ts';
import type { Case, MissingCase } from '../../src/suites/case.ts';
import { engineSuite } from '../../src/suites/engine.ts';
import { handshakeSuite } from '../../src/suites/handshake.ts';
import { nodeCrypto } from '../../src/suites/node-crypto.ts';
import { offloadSuite } from '../../src/suites/offload.ts';
import { primitivesSuite } from '../../src/suites/primitives.ts';
import type { Candidate } from '../../src/suites/providers.ts';
import { runSuite } from '../../src/suites/run-suite.ts';
import { tablesSuite } from '../../src/suites/tables.ts';

const NOBLE: Candidate = { name: 'noble', primitives: nobleProvider, provider: nobleProvider };
const NODE: Candidate = { name: 'node:crypto', primitives: nodeCrypto };
const ABSENT: Candidate = { name: 'absent', primitives: undefined, missing: 'no such module' };
const NO_TIME = { warmUp: 0, time: 0 };

describe('suites', () => {
  it('have the right result in every case', () => {
    const cases = [
      ...aeadSuite([NOBLE, NODE]),
      ...primitivesSuite([NOBLE, NODE]),
      ...handshakeSuite([NOBLE, NODE]),
      ...tablesSuite(),
      ...engineSuite(),
      ...offloadSuite(),
    ].filter((entry): entry is Case => !('missing' in entry));
    expect(cases.length).toBeGreaterThan(20);
    for (const entry of cases) expect(() => entry.check()).not.toThrow();
  });

  it('can run each case several times', () => {
    const cases = [...aeadSuite([NOBLE]), ...handshakeSuite([NOBLE]), ...engineSuite()];
    for (const entry of cases as Case[]) {
      for (let i = 0; i < 3; i++) {
        entry.prepare?.();
        expect(() => entry.run()).not.toThrow();
      }
    }
  });

  it('refuse a cipher that computes a wrong tag', () => {
    const wrong = { name: 'wrong', primitives: { createCipher: cipherWithWrongTag } };
    expect(() => runSuite(aeadSuite([NOBLE, wrong]), NO_TIME)).toThrow(
      'AEAD seal, 64 B, wrong: sealed: another result from byte 64 on',
    );
  });

  it('refuse a provider whose handshake has wrong bytes', () => {
    const provider = { ...nobleProvider, name: 'wrong', hash: wrongHash };
    const wrong = { name: 'wrong', primitives: provider, provider };
    expect(() => runSuite(handshakeSuite([wrong]), NO_TIME)).toThrow(/wrong/);
  });
});

describe('runSuite', () => {
  const entry: Case = {
    figure: 'nothing',
    subject: 'litz',
    operations: 1,
    check: () => {},
    run: () => {},
  };

  it('reports a missing figure as n/a, with the reason', () => {
    const cases: (Case | MissingCase)[] = aeadSuite([ABSENT]);
    expect(runSuite(cases, NO_TIME)).toContainEqual({
      figure: 'AEAD seal, 64 B',
      subject: 'absent',
      unit: 'ns',
      value: null,
      note: 'no such module',
    });
  });

  it('never reports the figure of another function in place of a missing one', () => {
    const keyed = runSuite(primitivesSuite([NODE]), NO_TIME).find(({ figure }) =>
      figure.startsWith('BLAKE2s keyed'),
    );
    expect(keyed).toMatchObject({ value: null, note: 'it has no such function' });
  });

  it('measures nothing if one result is wrong', () => {
    let runs = 0;
    const counted = { ...entry, run: () => void runs++ };
    const wrong = {
      ...entry,
      subject: 'wrong',
      check: () => {
        throw new Error('other bytes');
      },
    };
    expect(() => runSuite([counted, wrong], NO_TIME)).toThrow('nothing, wrong: other bytes');
    expect(runs).toBe(0);
  });

  it('fails if a case throws', () => {
    const broken = {
      ...entry,
      run: () => {
        throw new Error('broken');
      },
    };
    expect(() => runSuite([broken], NO_TIME)).toThrow('broken');
  });
});

function cipherWithWrongTag(key: Uint8Array): Cipher {
  const cipher = nobleProvider.createCipher(key);
  return {
    seal: (counter, buffer, offset, length) => {
      cipher.seal(counter, buffer, offset, length);
      buffer[offset + length] ^= 1;
    },
    open: (counter, buffer, offset, length) => cipher.open(counter, buffer, offset, length),
    destroy: () => cipher.destroy(),
  };
}

function wrongHash(out: Uint8Array, a: Uint8Array, b?: Uint8Array): void {
  nobleProvider.hash(out, a, b);
  out[0] ^= 1;
}
