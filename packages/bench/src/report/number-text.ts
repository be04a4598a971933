/**
 * Numbers as a table shows them.
 *
 * @module
 */

/** Three significant digits; whole thousands keep theirs: 0.0961, 4.42, 352, 19,612. */
export function numberText(value: number): string {
  const options =
    Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return value.toLocaleString('en-US', options);
}

/** Two digits behind the point: 1.52. */
export function ratioText(value: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

/** 'a-b c/d' of anything, for names of files. */
export function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
