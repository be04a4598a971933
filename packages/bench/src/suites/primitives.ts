/**
 * `primitivesSuite`: measures the primitives of handshakes: BLAKE2s and X25519.
 *
 * @module
 */
import { nobleProvider } from '@litz/core';
import { checkEqual, type Case, type MissingCase } from './case.ts';
import type { Candidate } from './providers.ts';
import type { SomePrimitives } from './some-primitives.ts';

/** Returns a case for each primitive and candidate. */
export function primitivesSuite(candidates: readonly Candidate[]): (Case | MissingCase)[] {
  return FIGURES.flatMap((figure) =>
    candidates.map((candidate) => primitiveCase(figure, candidate)),
  );
}

interface Figure {
  name: string;
  operations: number;
  /** Returns a function that computes one result; undefined if the provider lacks the primitive. */
  bind: (primitives: SomePrimitives) => (() => Uint8Array) | undefined;
}

function primitiveCase(
  { name: figure, operations, bind }: Figure,
  { name: subject, primitives, missing }: Candidate,
): Case | MissingCase {
  const compute = primitives && bind(primitives);
  if (!compute) return { figure, subject, missing: missing ?? 'it has no such function' };
  return {
    figure,
    subject,
    operations,
    check: () => checkEqual('result', compute(), bind(nobleProvider)!()),
    run: () => {
      for (let i = 0; i < operations; i++) compute();
    },
  };
}

const bytes = (length: number, first: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (first + i * 5) & 0xff);
const KEY = bytes(32, 1);
const HALF = bytes(32, 2);
const INITIATION_ALPHA = bytes(116, 3);
const PUBLIC_KEY = nobleProvider.dhPublicKey(bytes(32, 4));

const FIGURES: readonly Figure[] = [
  {
    name: 'BLAKE2s hash, 64 B',
    operations: 64,
    bind: ({ hash }) => {
      const out = new Uint8Array(32);
      return hash && (() => (hash(out, KEY, HALF), out));
    },
  },
  {
    name: 'BLAKE2s keyed, 116 B (mac1)',
    operations: 64,
    bind: ({ mac }) => {
      const out = new Uint8Array(16);
      return mac && (() => (mac(out, KEY, INITIATION_ALPHA), out));
    },
  },
  {
    name: 'HMAC-BLAKE2s, 32 B',
    operations: 64,
    bind: ({ hmac }) => {
      const out = new Uint8Array(32);
      return hmac && (() => (hmac(out, KEY, HALF), out));
    },
  },
  {
    name: 'X25519, shared secret',
    operations: 2,
    bind: ({ dh }) => dh && (() => dh(KEY, PUBLIC_KEY) ?? new Uint8Array(0)),
  },
  {
    name: 'X25519, public key',
    operations: 2,
    bind: ({ dhPublicKey }) => dhPublicKey && (() => dhPublicKey(KEY)),
  },
];
