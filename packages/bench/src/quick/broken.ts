/**
 * `brokenMeasurements`: numbers that no run makes that went through, however slow the machine is.
 *
 * @module
 */
import type { Measurement } from '../results/result.ts';

/** What is wrong, one text each; none: the run went through. */
export function brokenMeasurements(measurements: readonly Measurement[]): string[] {
  if (measurements.length === 0) return ['nothing was measured'];
  return measurements.flatMap((measurement) => {
    const { figure, subject, unit } = measurement;
    const reason = reasonOf(measurement);
    return reason === undefined ? [] : [`${figure}, ${subject}: ${reason} ${unit}`.trim()];
  });
}

function reasonOf({ value, samples = [], note, unit }: Measurement): string | undefined {
  if (value === null) return note === undefined ? 'no value, and no reason for it' : undefined;
  const odd = [value, ...samples].find((sample) => !isPossible(sample, unit));
  return odd === undefined ? undefined : `got ${odd}`;
}

/** Whatever takes time or moves something does more than nothing. */
function isPossible(value: number, unit: string): boolean {
  if (!Number.isFinite(value)) return false;
  return NEVER_ZERO.includes(unit) ? value > 0 : true;
}

const NEVER_ZERO = ['ns', 'ms', 's', 'Mbit/s', '1/s'];
