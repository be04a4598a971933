/**
 * `Matrix`: the measurements of a result as figures by subjects, and ratios between subjects.
 *
 * @module
 */
import type { Measurement } from '../results/result.ts';

/** Of one figure. */
export interface Row {
  readonly figure: string;
  readonly unit: string;
  /** By subject. */
  readonly cells: ReadonlyMap<string, Measurement>;
}

export interface Matrix {
  /** In the order they came first. */
  readonly subjects: readonly string[];
  /** In the order they came first. */
  readonly rows: readonly Row[];
}

export function matrixOf(measurements: readonly Measurement[]): Matrix {
  const subjects = new Set<string>();
  const rows = new Map<string, { figure: string; unit: string; cells: Map<string, Measurement> }>();
  for (const measurement of measurements) {
    const { figure, unit, subject } = measurement;
    const row = rows.get(figure) ?? { figure, unit, cells: new Map<string, Measurement>() };
    rows.set(figure, row);
    row.cells.set(subject, measurement);
    subjects.add(subject);
  }
  return { subjects: [...subjects], rows: [...rows.values()] };
}

/** Rows of the same subjects together, so that no table has a column that is empty. */
export function splitBySubjects({ subjects, rows }: Matrix): Matrix[] {
  const parts = new Map<string, Row[]>();
  for (const row of rows) {
    const key = JSON.stringify(subjects.filter((subject) => row.cells.has(subject)));
    parts.set(key, [...(parts.get(key) ?? []), row]);
  }
  return Array.from(parts, ([key, part]) => ({
    subjects: JSON.parse(key) as string[],
    rows: part,
  }));
}

/** undefined: not measured. */
export function valueOf({ cells }: Row, subject: string): number | undefined {
  return cells.get(subject)?.value ?? undefined;
}

/** What of two values is the better one: the larger one, the smaller one, or none. */
export type Direction = 'more' | 'less' | 'none';

/** Rates are better when they are higher; shares and sizes of a run are neither good nor bad. */
export function directionOf(unit: string): Direction {
  if (unit.endsWith('bit/s') || unit === '1/s') return 'more';
  return ['%', 'packets', 'rotations'].includes(unit) ? 'none' : 'less';
}

/** Where better is: up or down, or neither. */
export function arrowOf(unit: string): string {
  return ARROWS[directionOf(unit)];
}

/** The best value among `subjects`; undefined if none was measured or none is better than another. */
export function bestOf(row: Row, subjects: readonly string[]): number | undefined {
  const direction = directionOf(row.unit);
  const values = subjects.flatMap((subject) => valueOf(row, subject) ?? []);
  if (values.length === 0 || direction === 'none') return undefined;
  return direction === 'more' ? Math.max(...values) : Math.min(...values);
}

/** undefined if either was not measured, or there is nothing to divide by. */
export function ratio(
  numerator: number | undefined,
  denominator: number | undefined,
): number | undefined {
  if (numerator === undefined || denominator === undefined || denominator === 0) return undefined;
  return numerator / denominator;
}

const ARROWS: Record<Direction, string> = { more: '↑', less: '↓', none: '' };
