/**
 * Formats values for the page of `litz serve`. Formats that the page of a mesh needs too are in
 * `words.js` of that page. Pure.
 *
 * @module
 */
import { rateText } from '../../mesh/page/words.js';

/**
 * Returns a short form of a public key, as the log and `litz top` show it: `xTIB…p8Dg`.
 *
 * @param {string} key
 * @returns {string}
 */
export function shortKey(key) {
  return `${key.slice(0, 4)}…${key.slice(-5, -1)}`;
}

/**
 * @param {number | undefined} ms
 * @returns {string}
 */
export function roundTripText(ms) {
  if (ms === undefined) return 'unknown';
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
}

/**
 * Returns a rate of packets or drops as text: `9.5/s`, `12 k/s`.
 *
 * @param {number} value
 * @returns {string}
 */
export function perSecondText(value) {
  if (value >= 999_500) return `${(value / 1e6).toFixed(1)} M/s`;
  if (value >= 9_999.5) return `${(value / 1000).toFixed(0)} k/s`;
  return `${value.toFixed(value === 0 || value >= 9.95 ? 0 : 1)}/s`;
}

/**
 * Returns a value of the chart as text. For throughput, `value` is in bytes per second.
 *
 * @param {string} kind
 * @param {number} value
 * @returns {string}
 */
export function chartText(kind, value) {
  return kind === 'packets' || kind === 'drops' ? perSecondText(value) : rateText(value);
}

/**
 * Returns the number of drops for each reason, the highest first: `no-peer 7, bad-mac1 2`.
 *
 * @param {Record<string, number> | undefined} drops
 * @returns {string}
 */
export function dropsText(drops) {
  if (!drops) return 'unknown';
  const sorted = Object.entries(drops).toSorted(([, a], [, b]) => b - a);
  return (
    sorted.map(([reason, count]) => `${reason} ${count.toLocaleString('en')}`).join(', ') || 'none'
  );
}

/**
 * @param {Record<string, number> | undefined} drops
 * @returns {number}
 */
export function dropCount(drops = {}) {
  return Object.values(drops).reduce((sum, count) => sum + count, 0);
}
