/**
 * `runQuick`: runs the parts of `bench quick` once, to find broken benchmarks. A benchmark is
 * broken if it fails, if a result differs from the reference, or if a number is impossible. A slow
 * benchmark is not broken. `runQuick` writes no result files.
 *
 * @module
 */
import type { Measurement } from '../results/result.ts';
import { brokenMeasurements } from './broken.ts';

export interface QuickPart {
  readonly name: string;
  readonly run: (progress: (text: string) => void) => Promise<QuickOutcome>;
}

export interface QuickOutcome {
  measurements: readonly Measurement[];
  /** `name: reason` of what is not installed. */
  skipped?: readonly string[];
  /** `name: reason` of what failed. */
  failed?: readonly string[];
}

export interface QuickReport {
  /** What is broken. Each text begins with the name of its part. */
  broken: string[];
  skipped: string[];
}

/** Runs all parts, one after the other. Continues after a broken part. */
export async function runQuick(
  parts: readonly QuickPart[],
  progress: (text: string) => void,
): Promise<QuickReport> {
  const report: QuickReport = { broken: [], skipped: [] };
  for (const { name, run } of parts) {
    progress(`${name} ...`);
    try {
      const { measurements, skipped = [], failed = [] } = await run(progress);
      // If everything is missing, there are no measurements, and the reason is already in
      // `skipped`.
      const isAbsent = measurements.length === 0 && skipped.length > 0;
      const broken = isAbsent ? [] : brokenMeasurements(measurements);
      report.broken.push(...[...failed, ...broken].map((text) => `${name}: ${text}`));
      report.skipped.push(...skipped.map((text) => `${name}: ${text}`));
    } catch (error) {
      report.broken.push(`${name}: ${(error as Error).message}`);
    }
  }
  return report;
}
