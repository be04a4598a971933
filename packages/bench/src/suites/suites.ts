/**
 * `measureSuites`: measures single operations, such as sealing a packet, in this process.
 *
 * @module
 */
import type { Measurement } from '../results/result.ts';
import { aeadSuite } from './aead.ts';
import type { Case, MissingCase } from './case.ts';
import { engineSuite } from './engine.ts';
import { handshakeSuite } from './handshake.ts';
import { offloadSuite } from './offload.ts';
import { primitivesSuite } from './primitives.ts';
import { loadProviders, PROVIDER_NAMES, type Candidate, type ProviderName } from './providers.ts';
import { runSuite, type SuiteBudget } from './run-suite.ts';
import { tablesSuite } from './tables.ts';

/** The suites, in the order of the results. */
export const SUITE_NAMES = [
  'aead',
  'primitives',
  'handshake',
  'tables',
  'engine',
  'offload',
] as const;
export type SuiteName = (typeof SUITE_NAMES)[number];

/**
 * Measures the named suites.
 *
 * @param providers the providers to measure. Default: all
 * @throws {Error} (rejects) a result differs from the reference
 */
export async function measureSuites(
  names: readonly SuiteName[],
  budget: SuiteBudget,
  progress: (text: string) => void,
  providers: readonly ProviderName[] = PROVIDER_NAMES,
): Promise<Measurement[]> {
  const candidates = await loadProviders(providers);
  return names.flatMap((name) => {
    progress(name);
    const measurements = runSuite(SUITES[name](candidates), budget);
    for (const { figure, subject, value } of measurements) {
      progress(`  ${figure}, ${subject}: ${value === null ? 'n/a' : `${value.toPrecision(4)} ns`}`);
    }
    return measurements;
  });
}

const SUITES: Record<SuiteName, (candidates: readonly Candidate[]) => (Case | MissingCase)[]> = {
  aead: aeadSuite,
  primitives: primitivesSuite,
  handshake: handshakeSuite,
  tables: tablesSuite,
  engine: engineSuite,
  offload: offloadSuite,
};
