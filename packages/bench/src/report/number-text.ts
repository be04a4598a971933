/**
 * Formats numbers for tables.
 *
 * @module
 */

/**
 * Formats a number with three significant digits. From 1,000 on, it is rounded to a whole number.
 * Examples: 0.0961, 4.42, 352, 19,612.
 */
export function numberText(value: number): string {
  const options =
    Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return value.toLocaleString('en-US', options);
}

/** Formats a number with two digits after the point: 1.52. */
export function ratioText(value: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

/** Returns a text for file names: lower-case letters and digits, joined by '-'. */
export function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
