/**
 * `Line`: a line of a terminal, in pieces that have a style.
 *
 * @module
 */

/** A style is a name and not an escape sequence, so that it can be left out if NO_COLOR is set. */
export type Style = 'plain' | 'bold' | 'soft' | 'good' | 'warning' | 'bad' | 'chosen';

export type Line = readonly (readonly [style: Style, text: string])[];

/**
 * Returns the line for a terminal, cut to the width. Each character must be one column wide.
 *
 * @param options.base the style of the whole line. If it is not `plain`, and there are colours,
 *   spaces fill the line up to the width. Default: `plain`
 */
export function paintLine(
  line: Line,
  width: number,
  options: { readonly colors: boolean; readonly base?: Style },
): string {
  const { colors, base = 'plain' } = options;
  let left = width;
  let text = '';
  for (const [style, piece] of line) {
    const cut = Array.from(piece).slice(0, left).join('');
    left -= Array.from(cut).length;
    text += colors ? `${CODES[base]}${CODES[style]}${cut}${RESET}` : cut;
  }
  if (!colors || base === 'plain') return text;
  return `${text}${CODES[base]}${' '.repeat(left)}${RESET}`;
}

const RESET = '\x1b[0m';
const CODES: Readonly<Record<Style, string>> = {
  plain: '',
  bold: '\x1b[1m',
  soft: '\x1b[2m',
  good: '\x1b[32m',
  warning: '\x1b[33m',
  bad: '\x1b[31m',
  chosen: '\x1b[7m',
};
