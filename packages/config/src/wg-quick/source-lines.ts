/**
 * `SectionSource`: the lines that a section was read from, so that writing it back changes only what
 * was changed.
 *
 * A file is cut into sections without losing a character. A section begins at its header, or at the
 * comment right above it, so that a comment goes where its peer goes:
 *
 * ```
 *   # office                    -+ section of the interface
 *   [Interface]                  |
 *   ListenPort = 51820  # ours   |
 *                               -+
 *   # laptop                    -+ section of the first peer
 *   [Peer]                       |
 *   ...                         -+
 * ```
 *
 * @module
 */

/** Lines without their line feeds; a carriage return stays at the end of its line. */
export interface SectionSource {
  /** As it is spelled, without brackets; undefined for what stands before the first header. */
  name: string | undefined;
  /** Of the first line, from 1 on. */
  firstLine: number;
  lines: string[];
}

/** `KEY = VALUE # comment`, taken apart; joined they are the line again. */
export interface FieldLine {
  before: string;
  key: string;
  equals: string;
  value: string;
  after: string;
}

export function splitSections(text: string): SectionSource[] {
  const lines = text.split('\n');
  const sections: SectionSource[] = [{ name: undefined, firstLine: 1, lines: [] }];
  for (const [index, line] of lines.entries()) {
    const name = headerName(line);
    const last = sections.at(-1);
    if (name !== undefined && last) {
      const comment = takeTrailingComment(last.lines);
      sections.push({ name, firstLine: index + 1 - comment.length, lines: comment });
    }
    sections.at(-1)?.lines.push(line);
  }
  return sections;
}

/** Undefined for a line that holds nothing but blanks or a comment. */
export function contentOf(line: string): string | undefined {
  const content = line.replace(/#.*/s, '').trim();
  return content === '' ? undefined : content;
}

/** Undefined for a line that is no field. */
export function parseFieldLine(line: string): FieldLine | undefined {
  const hash = line.indexOf('#');
  const end = hash === -1 ? line.length : hash;
  const sign = line.slice(0, end).indexOf('=');
  const key = line.slice(0, Math.max(sign, 0)).trim();
  if (key === '') return undefined;
  const keyStart = line.indexOf(key);
  // A blank before the value stays with the sign, so that a new value keeps it.
  const blank = /^[ \t]*/.exec(line.slice(sign + 1, end))?.[0].length ?? 0;
  const valueStart = sign + 1 + blank;
  const value = line.slice(valueStart, end).trimEnd();
  return {
    before: line.slice(0, keyStart),
    key,
    equals: line.slice(keyStart + key.length, valueStart),
    value,
    after: line.slice(valueStart + value.length),
  };
}

export function joinFieldLine({ before, key, equals, value, after }: FieldLine): string {
  return `${before}${key}${equals}${value}${after}`;
}

/** The name in a `[Header]`, undefined for another line. */
export function headerName(line: string): string | undefined {
  const content = contentOf(line);
  const isHeader = content?.startsWith('[') === true && content.endsWith(']');
  return isHeader ? content.slice(1, -1).trim() : undefined;
}

function takeTrailingComment(lines: string[]): string[] {
  let from = lines.length;
  while (from > 0 && lines[from - 1]?.trimStart().startsWith('#') === true) from--;
  return lines.splice(from);
}
