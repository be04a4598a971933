/**
 * `runQuick`: every benchmark once and briefly. It finds a run that is broken: something that fails, a
 * result that is not the reference's, a number that cannot be. A slow run is none of these, and nothing
 * that it measures is kept.
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
  /** `name: reason` of what is not here. */
  skipped?: readonly string[];
  /** `name: reason` of what is here and did not run through. */
  failed?: readonly string[];
}

export interface QuickReport {
  /** What is broken, each with the name of its part; empty: nothing. */
  broken: string[];
  skipped: string[];
}

/** Goes on after a part that is broken. */
export async function runQuick(
  parts: readonly QuickPart[],
  progress: (text: string) => void,
): Promise<QuickReport> {
  const report: QuickReport = { broken: [], skipped: [] };
  for (const { name, run } of parts) {
    progress(`${name} ...`);
    try {
      const { measurements, skipped = [], failed = [] } = await run(progress);
      // Where all are missing there is nothing to measure, and that is said already.
      const isAbsent = measurements.length === 0 && skipped.length > 0;
      const odd = isAbsent ? [] : brokenMeasurements(measurements);
      report.broken.push(...[...failed, ...odd].map((text) => `${name}: ${text}`));
      report.skipped.push(...skipped.map((text) => `${name}: ${text}`));
    } catch (error) {
      report.broken.push(`${name}: ${(error as Error).message}`);
    }
  }
  return report;
}
