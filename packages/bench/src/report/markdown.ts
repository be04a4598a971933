/**
 * Tables in Markdown.
 *
 * @module
 */

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** Returns a column whose cells are aligned left, for text. */
export function leftColumn(title: string): Column {
  return { title, align: 'left' };
}

/** Returns a column whose cells are aligned right, for numbers. */
export function rightColumn(title: string): Column {
  return { title, align: 'right' };
}

/** Returns a table with one line per row. Cells have the order of the columns. */
export function markdownTable(columns: readonly Column[], rows: readonly string[][]): string {
  const head = line(columns.map(({ title }) => title));
  const rule = line(
    columns.map(({ align }) => (align === 'right' ? '---:' : '---')),
    escapeNothing,
  );
  return [head, rule, ...rows.map((cells) => line(cells))].join('\n');
}

function line(cells: readonly string[], escape: (text: string) => string = escapeCell): string {
  return `| ${cells.map(escape).join(' | ')} |`;
}

/** Escapes '|', which would end the cell, and line feeds. */
function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function escapeNothing(text: string): string {
  return text;
}
