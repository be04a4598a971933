/**
 * `Finding`: the result of one check of a tunnel. Plain data.
 *
 * @module
 */
import { printable } from '@litz/core/internals';

/**
 * The result for one subject. `ok`: nothing is wrong. `warn`: the tunnel works, or may work, but
 * not always. `fail`: packets do not pass.
 */
export interface Finding {
  /** `key`, `endpoint`, `firewall`, ... */
  readonly subject: string;
  readonly state: 'ok' | 'warn' | 'fail';
  /**
   * The public key of the peer that the finding is about, in base64. Absent: it is about the
   * interface.
   */
  readonly peer?: string;
  readonly text: string;
  /** What the user can do; absent where there is nothing to do. */
  readonly remedy?: string;
}

/** Returns the finding that nothing is wrong. */
export function ok(subject: string, text: string, peer?: string): Finding {
  return { subject, state: 'ok', text, ...(peer !== undefined && { peer }) };
}

/** Returns the finding that the tunnel works, or may work, but not always. */
export function warn(subject: string, text: string, remedy: string, peer?: string): Finding {
  return { subject, state: 'warn', text, remedy, ...(peer !== undefined && { peer }) };
}

/** Returns the finding that packets do not pass. */
export function fail(subject: string, text: string, remedy: string, peer?: string): Finding {
  return { subject, state: 'fail', text, remedy, ...(peer !== undefined && { peer }) };
}

/** Whether packets can pass: no finding is `fail`. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ state }) => state !== 'fail');
}

/**
 * Returns the lines for a terminal, each with a line feed.
 *
 * @param columns the width of the terminal; undefined: lines are not broken
 */
export function formatFindings(
  findings: readonly Finding[],
  { colors, columns }: { readonly colors: boolean; readonly columns: number | undefined },
): string {
  const lines = findings.flatMap(({ subject, state, peer, text, remedy }) => {
    const mark = colors ? `${COLORS[state]}${MARKS[state]}${RESET}` : MARKS[state];
    const who = peer === undefined ? '' : ` (${shortKey(peer)})`;
    const [first = '', ...more] = broken(`${subject}${who}: ${printable(text)}`, columns);
    const advice = remedy === undefined ? [] : broken(`-> ${printable(remedy)}`, columns);
    return [`${mark} ${first}`, ...[...more, ...advice].map((line) => `${INDENT}${line}`)];
  });
  return lines.map((line) => `${line}\n`).join('');
}

/** Returns the first and the last characters of a key, as in the log. */
function shortKey(key: string): string {
  return `peer ${key.slice(0, 4)}…${key.slice(-5, -1)}`;
}

/** Breaks a text between words, into lines that fit the terminal. */
function broken(text: string, columns: number | undefined): string[] {
  if (columns === undefined) return [text];
  const width = Math.max(columns - INDENT.length, LEAST_WIDTH);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

const MARKS = { ok: 'OK  ', warn: 'WARN', fail: 'FAIL' } as const;
const COLORS = { ok: '\x1b[32m', warn: '\x1b[33m', fail: '\x1b[31m' } as const;
const RESET = '\x1b[0m';
/** As wide as a mark and a blank. */
const INDENT = '     ';
const LEAST_WIDTH = 20;
