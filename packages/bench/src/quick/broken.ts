/**
 * `brokenMeasurements`: finds numbers that a working run cannot produce, not even on a slow
 * machine.
 *
 * @module
 */
import type { Measurement } from '../results/result.ts';

/** Returns one text for each measurement that is broken. The list is empty if all are possible. */
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
  const impossible = [value, ...samples].find((sample) => !isPossible(sample, unit));
  return impossible === undefined ? undefined : `got ${impossible}`;
}

/** Returns whether the value is possible: finite, and above 0 if it is a time or a rate. */
function isPossible(value: number, unit: string): boolean {
  if (!Number.isFinite(value)) return false;
  return NEVER_ZERO.includes(unit) ? value > 0 : true;
}

const NEVER_ZERO = ['ns', 'ms', 's', 'Mbit/s', '1/s'];
