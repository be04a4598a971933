/**
 * `SectionSource`: the lines that a section was read from. When the section is written again, only
 * the lines of changed fields differ.
 *
 * A file is split into sections without losing a character. A section begins at its header, or at
 * the comment right above the header. So a comment stays with its peer:
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

/**
 * The lines of a section, without their line feeds. A carriage return stays at the end of its line.
 */
export interface SectionSource {
  /** The name in the header, without brackets; undefined for the lines before the first header. */
  name: string | undefined;
  /** Number of the first line, counted from 1. */
  firstLine: number;
  lines: string[];
}

/** The parts of a line `KEY = VALUE # comment`. Joined, they give the same line again. */
export interface FieldLine {
  before: string;
  key: string;
  equals: string;
  value: string;
  after: string;
}

/**
 * Splits a file into its sections. The first section has the lines before the first header; it may
 * be empty.
 */
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

/** Returns a line without its comment and outer blanks; undefined if nothing is left. */
export function contentOf(line: string): string | undefined {
  const content = line.replace(/#.*/s, '').trim();
  return content === '' ? undefined : content;
}

/** Returns the parts of a line; undefined if the line is not a field. */
export function parseFieldLine(line: string): FieldLine | undefined {
  const hash = line.indexOf('#');
  const end = hash === -1 ? line.length : hash;
  const sign = line.slice(0, end).indexOf('=');
  const key = line.slice(0, Math.max(sign, 0)).trim();
  if (key === '') return undefined;
  const keyStart = line.indexOf(key);
  // Blanks before the value belong to `equals`, so that they stay when the value is replaced.
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

/** Returns the line that consists of these parts, without a line feed. */
export function joinFieldLine({ before, key, equals, value, after }: FieldLine): string {
  return `${before}${key}${equals}${value}${after}`;
}

/** Returns the name in a `[Header]`; undefined for any other line. */
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
