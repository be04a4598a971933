/**
 * `readTime`: a time as a flag of `litz agent` has it.
 *
 * @module
 */
import { usage } from './flag-failure.ts';

/**
 * @returns milliseconds
 * @throws {Failure} exit code 2: it is none
 */
export function readTime(flag: string, text: string): number {
  const [, digits, unit = ''] = /^(\d{1,6})(s|m|h|d)$/.exec(text) ?? [];
  const seconds = Number(digits) * (SECONDS[unit] ?? NaN);
  if (seconds > 0) return seconds * 1000;
  throw usage(`${flag} expected a time such as 30s, 10m, 24h or 7d, got ${JSON.stringify(text)}`);
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
