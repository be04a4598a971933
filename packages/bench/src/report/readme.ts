/**
 * Makes the tables of figures in the repository's README and in `docs/mesh.md`, from the result
 * files.
 *
 * @module
 */
import type { Result } from '../results/result.ts';
import { leftColumn, markdownTable, rightColumn } from './markdown.ts';
import { arrowOf, bestOf, matrixOf, ratio, valueOf, type Row } from './matrix.ts';
import { numberText, ratioText } from './number-text.ts';

/**
 * Replaces the text between the comments `BEGIN` and `END` by the figures.
 *
 * @throws {Error} a comment is missing
 */
export function withFigures(readme: string, results: readonly Result[]): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the README has no ${BEGIN} ... ${END}`);
  const figures = readmeFigures(results);
  return `${readme.slice(0, begin + BEGIN.length)}\n${figures}\n${readme.slice(end)}`;
}

/** Replaces the figures of `docs/mesh.md` in the same way. @throws {Error} a comment is missing */
export function withMeshFigures(page: string, results: readonly Result[]): string {
  const begin = page.indexOf(MESH_BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page has no ${MESH_BEGIN} ... ${END}`);
  const mesh = results.find(({ bench }) => bench === 'mesh');
  const figures = mesh ? meshFigures(mesh) : '';
  return `${page.slice(0, begin + MESH_BEGIN.length)}\n${figures}\n${page.slice(end)}`;
}

/** Returns the figures of the README in Markdown. The text is empty if there are no results. */
export function readmeFigures(results: readonly Result[]): string {
  const peers = results.find(({ bench }) => bench === 'peers');
  const suites = results.find(({ bench }) => bench === 'suites');
  return [...(peers ? sideBySide(peers) : []), ...(suites ? ciphers(suites) : [])].join('\n\n');
}

/** Returns the figures of the mesh in Markdown. */
function meshFigures({ measurements, environment, settings }: Result): string {
  const { subjects, rows } = matrixOf(measurements);
  const { processor, cores, kernel, node, commit } = environment;
  const columns = [leftColumn('figure'), ...subjects.map(rightColumn)];
  return [
    `\`pnpm bench:mesh\`, ${numberText(Number(settings['agents'] ?? 0))} agents and the registry on ` +
      `one machine (${processor}, ${cores} cores, Linux ${kernel}, Node.js ${node}), commit ${commit}. ` +
      `Load of the machine before and after: ${settings['loadBefore'] ?? '?'}, ${settings['loadAfter'] ?? '?'}.`,
    markdownTable(
      columns,
      rows.map((row) => [
        `${row.figure}, ${row.unit}`,
        ...subjects.map((subject) => cell(row, subject)),
      ]),
    ),
  ].join('\n\n');
}

/** Returns the table of Litz and the other implementations. */
function sideBySide({ measurements, environment, settings }: Result): string[] {
  const { subjects, rows } = matrixOf(measurements);
  const peers = subjects.filter((subject) => subject !== LITZ);
  const columns = [
    leftColumn('figure'),
    ...[LITZ, ...peers].map(rightColumn),
    ...peers.slice(0, 1).map((peer) => rightColumn(`${LITZ} / ${peer}`)),
    rightColumn(`${LITZ} / best`),
  ];
  const cells = (row: Row): string[] => [
    [row.figure, ', ', row.unit, ' ', arrowOf(row.unit)].join('').trim(),
    ...[LITZ, ...peers].map((subject) => cell(row, subject)),
    ...peers.slice(0, 1).map((peer) => ratioCell(row, valueOf(row, peer))),
    ratioCell(row, bestOf(row, peers)),
  ];
  const { processor, cores, kernel, node, commit } = environment;
  return [
    `Both ends of a tunnel and iperf3 on one machine (${processor}, ${cores} cores, Linux ${kernel}, Node.js ` +
      `${node}), measured in turn, medians of ${settings['rounds'] ?? 1} rounds, commit ${commit}: \`pnpm bench:peers\`. ` +
      "↑: more is better; ↓: less is better. The last columns are Litz's value divided by the other one.",
    markdownTable(columns, rows.map(cells)),
  ];
}

/** Returns the table of the time per message with each provider. */
function ciphers({ measurements }: Result): string[] {
  const { subjects, rows } = matrixOf(measurements);
  const aead = rows.filter(({ figure }) => figure.startsWith('AEAD'));
  const providers = subjects.filter((subject) => aead.some(({ cells }) => cells.has(subject)));
  if (aead.length === 0) return [];
  return [
    "The time for one transport message with each crypto provider (`auto` is the device's own choice): `pnpm bench`.",
    markdownTable(
      [leftColumn('figure'), ...providers.map(rightColumn)],
      aead.map((row) => [
        `${row.figure}, ${row.unit}`,
        ...providers.map((provider) => cell(row, provider)),
      ]),
    ),
  ];
}

function cell(row: Row, subject: string): string {
  const value = valueOf(row, subject);
  return value === undefined ? 'n/a' : numberText(value);
}

/** Returns Litz's value divided by `other`, as text. */
function ratioCell(row: Row, other: number | undefined): string {
  const value = ratio(valueOf(row, LITZ), other);
  return value === undefined ? '' : ratioText(value);
}

const LITZ = 'litz';
const BEGIN = '<!-- figures: made by `pnpm bench:report` -->';
const MESH_BEGIN = '<!-- figures of the mesh: made by `pnpm bench:report` -->';
const END = '<!-- end of figures -->';
