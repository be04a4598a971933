/**
 * Formats ages, rates, sizes and the names of nodes for the page. Pure.
 *
 * @module
 */

/**
 * Returns an age as text in its two largest units: `3 min 20 s`.
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
 * Returns a rate as text in bits per second, with a unit: `1.5 Mbit/s`. A kilobit has 1000 bits.
 *
 * @param {number} bytesPerSecond
 * @returns {string}
 */
export function rateText(bytesPerSecond) {
  return inUnits(bytesPerSecond * 8, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
}

/**
 * Returns a number of bytes as text with a unit: `1.5 MiB`. A KiB has 1024 bytes.
 *
 * @param {number} bytes
 * @returns {string}
 */
export function bytesText(bytes) {
  return inUnits(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
}

/**
 * Returns a number with its noun: `1 peer`, `2 peers`.
 *
 * @param {number} count
 * @param {string} one
 * @returns {string}
 */
export function countText(count, one) {
  return `${count.toLocaleString('en')} ${one}${count === 1 ? '' : 's'}`;
}

/**
 * Replaces each character that would hide the text beside it or change its direction. The
 * replacement is U+FFFD. This is necessary because the text comes from another machine. The caller
 * must still set the result as text and never as HTML.
 *
 * @param {string} text
 * @returns {string}
 */
export function printable(text) {
  return text.replace(UNPRINTABLE, '\u{fffd}');
}

/**
 * Shortens a name. The characters in the middle are left out, because names of nodes differ at
 * their ends.
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
  // A value that would be rounded to `step` of a unit is shown as 1 of the next unit.
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

/**
 * Control characters, characters without width, and characters that change the direction of text.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
