/**
 * `stripConfig`: keeps only those lines of a wg-quick file that `wg` can read.
 *
 * @module
 */

/**
 * Returns the text that `wg-quick strip` prints, byte for byte: without the fields of wg-quick, and
 * without blanks around each line. Comments stay.
 */
export function stripConfig(text: string): string {
  let isInterface = false;
  const kept: string[] = [];
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const line of lines.map(withoutBlanks)) {
    const content = line.replace(/#.*/s, '');
    const key = content.replace(/=.*/s, '').trim().toLowerCase();
    if (key.startsWith('[')) isInterface = key === '[interface]';
    if (!isInterface || !QUICK_FIELDS.has(key)) kept.push(line);
  }
  return `${kept.map((line) => `${line}\n`).join('')}\n`;
}

/** Removes the blanks that `read` of bash removes. */
function withoutBlanks(line: string): string {
  return line.replace(/^[ \t]+|[ \t]+$/g, '');
}

const QUICK_FIELDS: ReadonlySet<string> = new Set([
  'address',
  'mtu',
  'dns',
  'table',
  'preup',
  'postup',
  'predown',
  'postdown',
  'saveconfig',
]);
