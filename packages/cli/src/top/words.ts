/**
 * Formats numbers and times for the narrow columns of `litz top`.
 *
 * @module
 */

/** Returns a number as text with at most three digits and a unit: `0`, `7.5`, `999`, `12.3k`. */
export function shortNumber(value: number): string {
  let rest = value;
  let unit = 0;
  // A value that would be rounded to 1000 of a unit is 1 of the next unit.
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  const isWhole = rest >= 99.95 || (unit === 0 && Number.isInteger(rest));
  return `${rest.toFixed(isWhole ? 0 : 1)}${UNITS[unit]}`;
}

/** Returns a number of bytes as text with a unit: `512 B`, `1.5 MiB`. A KiB has 1024 bytes. */
export function sizeText(bytes: number): string {
  let rest = bytes;
  let unit = 0;
  while (rest >= 1023.5 && unit < SIZES.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${rest.toFixed(unit === 0 || rest >= 99.95 ? 0 : 1)} ${SIZES[unit]}`;
}

/** Returns a duration as text in its two largest units: `12s`, `3m05s`, `2h00m`, `9d04h`. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${twoDigits(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h${twoDigits(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d${twoDigits(hours % 24)}h`;
}

/** Returns a round trip as text: `0.42ms`, `12.3ms`, `1.2s`; `-`: not known. */
export function roundTripText(ms: number | undefined): string {
  if (ms === undefined) return '-';
  if (ms >= 999.5) return `${(ms / 1000).toFixed(1)}s`;
  if (ms >= 99.95) return `${ms.toFixed(0)}ms`;
  return `${ms.toFixed(ms >= 9.995 ? 1 : 2)}ms`;
}

/** Shortens a public key: `xTIB…p8Dg`. `dots` is `…`, or `..` on a terminal without UTF-8. */
export function shortKey(key: string, dots: string): string {
  return `${key.slice(0, 4)}${dots}${key.slice(-5, -1)}`;
}

/** Replaces control characters and other invisible characters, which could change the screen. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

/** Draws the newest values as bars, the highest value as the highest bar. */
export function sparkline(values: readonly number[], width: number, bars: string): string {
  const shown = values.slice(-width);
  const top = Math.max(0, ...shown);
  return shown.map((value) => bars[barOf(value, top, bars.length)]).join('');
}

/** Returns the index of the bar for a value. A value above 0 never gets the bar of 0. */
function barOf(value: number, top: number, count: number): number {
  return value <= 0 ? 0 : Math.max(1, Math.ceil((value / top) * (count - 1)));
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

const UNITS = ['', 'k', 'M', 'G', 'T', 'P'];
const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
