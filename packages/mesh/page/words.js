/**
 * How the page writes ages, rates, sizes and what others have named. Pure.
 *
 * @module
 */

/**
 * The two largest units: `3 min 20 s`.
 *
 * @param {number} ms
 * @returns {string}
 */
export function ageText(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const largest = UNITS.findIndex(([, length]) => seconds >= length);
  if (largest < 0) return '0 s';
  let rest = seconds;
  const parts = [];
  for (const [unit, length] of UNITS.slice(largest, largest + 2)) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.join(' ');
}

/**
 * Bits of a second, in steps of 1000 as networks count.
 *
 * @param {number} bytesPerSecond
 * @returns {string}
 */
export function rateText(bytesPerSecond) {
  return inUnits(bytesPerSecond * 8, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
}

/**
 * In steps of 1024.
 *
 * @param {number} bytes
 * @returns {string}
 */
export function bytesText(bytes) {
  return inUnits(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
}

/**
 * `1 peer`, `2 peers`.
 *
 * @param {number} count
 * @param {string} one
 * @returns {string}
 */
export function countText(count, one) {
  return `${count.toLocaleString('en')} ${one}${count === 1 ? '' : 's'}`;
}

/**
 * Text of others, without what would hide or turn round what stands beside it. It still has to be set as
 * text and never as HTML.
 *
 * @param {string} text
 * @returns {string}
 */
export function printable(text) {
  return text.replace(UNPRINTABLE, '\u{fffd}');
}

/**
 * Names of nodes differ at their ends: what is left out is taken from the middle.
 *
 * @param {string} text
 * @param {number} length
 * @returns {string}
 */
export function shortened(text, length) {
  const characters = Array.from(text);
  if (characters.length <= length) return text;
  const tail = Math.ceil((length - 1) * 0.6);
  const head = Math.max(0, length - 1 - tail);
  return `${characters.slice(0, head).join('')}…${tail > 0 ? characters.slice(-tail).join('') : ''}`;
}

/**
 * @param {number} value
 * @param {number} step
 * @param {readonly string[]} units
 * @returns {string}
 */
function inUnits(value, step, units) {
  let unit = 0;
  let rest = value;
  // What would be written as 1000 of a unit is 1 of the next.
  while (rest >= step - 0.5 && unit < units.length - 1) {
    rest /= step;
    unit++;
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : 1;
  return `${rest.toFixed(digits)} ${units[unit]}`;
}

/** @type {readonly (readonly [unit: string, seconds: number])[]} */
const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
];

/** Control characters, those without width, and those that change the direction of the text around. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
