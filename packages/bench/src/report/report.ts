/**
 * `createReport`: makes the texts of the report, with tables and charts. The result files are its
 * only input.
 *
 * @module
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Environment } from '../results/environment.ts';
import { BENCHES, readResult, type Measurement, type Result } from '../results/result.ts';
import { barChart } from './chart.ts';
import { leftColumn, markdownTable, rightColumn } from './markdown.ts';
import {
  arrowOf,
  directionOf,
  matrixOf,
  splitBySubjects,
  type Matrix,
  type Row,
} from './matrix.ts';
import { numberText, ratioText, slug } from './number-text.ts';
import { SECTIONS, type Ratio } from './section.ts';

/** The texts of the report, by their paths in its directory. */
export type Report = ReadonlyMap<string, string>;

/** Reads all results in `directory`, in the order of `BENCHES`. */
export function readResults(directory: string): Result[] {
  return BENCHES.flatMap((bench) => readResult(bench, directory) ?? []);
}

/**
 * Creates the report. The same results give the same texts. Without results, the report is empty.
 */
export function createReport(results: readonly Result[]): Report {
  const report = new Map<string, string>();
  if (results.length === 0) return report;
  const texts = SECTION_ORDER.flatMap((bench) => {
    const result = results.find((candidate) => candidate.bench === bench);
    return result ? sectionText(result, report) : [];
  });
  return report.set(PAGE, `${[HEAD, ...texts].join('\n\n')}\n`);
}

/** Writes the report and removes charts of earlier reports. Returns the written paths. */
export function writeReport(report: Report, directory: string): string[] {
  const charts = join(directory, CHARTS);
  mkdirSync(charts, { recursive: true });
  for (const name of readdirSync(charts)) {
    if (name.endsWith('.svg')) rmSync(join(charts, name));
  }
  return Array.from(report, ([path, text]) => {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  });
}

/** Returns the paragraphs of one section, and adds its charts to `report`. */
function sectionText(result: Result, report: Map<string, string>): string[] {
  const { title, intro, ratios } = SECTIONS[result.bench];
  const matrix = matrixOf(result.measurements);
  return [
    `## ${title}`,
    intro,
    environmentTable(result.environment),
    settingsLine(result),
    ...splitBySubjects(matrix).map((part) => figureTable(part, ratios(part))),
    ...absences(result.measurements),
    ...chartsOf(result, matrix, report),
  ];
}

function environmentTable(environment: Environment): string {
  const { processor, cores, memoryGiB, platform, kernel, node, v8, openssl } = environment;
  const columns = ['machine', 'kernel', 'Node', 'commit', 'date'].map(leftColumn);
  const machine = `${processor}, ${cores} cores, ${memoryGiB} GiB`;
  const cells = [
    machine,
    `${platform}, ${kernel}`,
    `${node} (V8 ${v8}, OpenSSL ${openssl})`,
    environment.commit,
    environment.date.slice(0, 10),
  ];
  return markdownTable(columns, [cells]);
}

function settingsLine({ bench, settings }: Result): string {
  const texts = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  return `\`bench ${bench}\`${texts.length > 0 ? `: ${texts.join(', ')}` : ''}. Values are medians.`;
}

function figureTable({ subjects, rows }: Matrix, ratios: readonly Ratio[]): string {
  const columns = [
    leftColumn('figure'),
    leftColumn('unit'),
    ...[...subjects, ...ratios.map(({ title }) => title)].map(rightColumn),
  ];
  return markdownTable(
    columns,
    rows.map((row) => [
      row.figure,
      [row.unit, arrowOf(row.unit)].join(' ').trim(),
      ...subjects.map((subject) => cellText(row, subject)),
      ...ratios.map(({ of }) => ratioCell(row, of)),
    ]),
  );
}

/** Returns the value, and the smallest and largest sample if there are several. */
function cellText({ cells }: Row, subject: string): string {
  const measurement = cells.get(subject);
  if (!measurement) return '';
  const { value, samples = [] } = measurement;
  if (value === null) return 'n/a';
  if (samples.length < 2) return numberText(value);
  const [low, high] = [Math.min(...samples), Math.max(...samples)];
  return `${numberText(value)} (${numberText(low)} to ${numberText(high)})`;
}

/** Returns a ratio as text. The text is empty for units such as %, whose ratio has no meaning. */
function ratioCell(row: Row, of: Ratio['of']): string {
  const value = directionOf(row.unit) === 'none' ? undefined : of(row);
  return value === undefined ? '' : `**${ratioText(value)}**`;
}

/** Returns a paragraph that says why subjects are n/a. Each reason appears once. */
function absences(measurements: readonly Measurement[]): string[] {
  const reasons = new Map<string, string[]>();
  for (const { subject, value, note, figure } of measurements) {
    if (value !== null || note === undefined) continue;
    const key = `${subject}: ${note}`;
    reasons.set(key, [...(reasons.get(key) ?? []), figure]);
  }
  if (reasons.size === 0) return [];
  return [`Not available (n/a): ${[...reasons.keys()].join('; ')}.`];
}

/**
 * Adds the charts of a result, one per unit. A unit has a chart only if its values can be better or
 * worse, and if a figure in this unit was measured for more than one subject. Returns the links to
 * the charts.
 */
function chartsOf(
  result: Result,
  { subjects, rows }: Matrix,
  report: Map<string, string>,
): string[] {
  return [...new Set(rows.map(({ unit }) => unit))].flatMap((unit) => {
    const compared = rows.filter((row) => row.unit === unit && measuredSubjects(row).length > 1);
    if (compared.length === 0 || directionOf(unit) === 'none') return [];
    const shown = subjects.filter((subject) =>
      compared.some((row) => measuredSubjects(row).includes(subject)),
    );
    const path = `${CHARTS}/${result.bench}-${slug(unit)}.svg`;
    const { title } = SECTIONS[result.bench];
    report.set(path, barChart(title, { subjects: shown, rows: compared }));
    return [`![${title}: ${unit}](${path})`];
  });
}

function measuredSubjects({ cells }: Row): string[] {
  return [...cells.values()].filter(({ value }) => value !== null).map(({ subject }) => subject);
}

const SECTION_ORDER = [
  'peers',
  'ends',
  'sockets',
  'handshake',
  'flood',
  'suites',
  'scale',
  'threads',
  'start',
  'garbage',
  'nodes',
  'rotation',
  'exchange',
  'rollout',
  'mesh',
] as const;
const PAGE = 'RESULTS.md';
const CHARTS = 'charts';
const HEAD = `# Results

\`pnpm bench:report\` generates this page from the files in \`results\`. The next run overwrites changes made
by hand. ↑: more is better; ↓: less is better. The smallest and the largest sample are in parentheses. Compare
only figures of one table: on another machine, or an hour later on the same one, the figures differ.`;
