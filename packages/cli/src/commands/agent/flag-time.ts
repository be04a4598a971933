/**
 * `readTime`: reads a flag whose value is a length of time.
 *
 * @module
 */
import { usage } from './flag-failure.ts';

/**
 * @param flag the name of the flag with dashes, for the error
 * @param text a number and a unit: `30s`, `10m`, `24h` or `7d`
 * @returns milliseconds
 * @throws {Failure} exit code 2: the text has another form, or the time is 0
 */
export function readTime(flag: string, text: string): number {
  const [, digits, unit = ''] = /^(\d{1,6})(s|m|h|d)$/.exec(text) ?? [];
  const seconds = Number(digits) * (SECONDS[unit] ?? NaN);
  if (seconds > 0) return seconds * 1000;
  throw usage(`${flag} expected a time such as 30s, 10m, 24h or 7d, got ${JSON.stringify(text)}`);
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
