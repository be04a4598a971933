/**
 * `Matrix`: the measurements of a result as a table of figures and subjects, and ratios between
 * subjects.
 *
 * @module
 */
import type { Measurement } from '../results/result.ts';

/** The row of one figure. */
export interface Row {
  readonly figure: string;
  readonly unit: string;
  /** The measurements by subject. */
  readonly cells: ReadonlyMap<string, Measurement>;
}

export interface Matrix {
  /** The subjects, in the order in which they first appeared. */
  readonly subjects: readonly string[];
  /** The rows, in the order in which their figures first appeared. */
  readonly rows: readonly Row[];
}

/**
 * Returns a matrix of measurements. If several measurements have the same figure and subject, the
 * last one is used.
 */
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

/** Groups rows that have the same subjects. So no table of the report has empty cells. */
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

/** Returns the value of a subject; undefined: not measured. */
export function valueOf({ cells }: Row, subject: string): number | undefined {
  return cells.get(subject)?.value ?? undefined;
}

/** Which of two values is better: the larger one, the smaller one, or neither. */
export type Direction = 'more' | 'less' | 'none';

/**
 * Returns the direction of a unit. Higher rates are better. Shares, and counts of packets,
 * messages or rotations in a measurement, have no direction. With every other unit, such as a time
 * or memory, less is better.
 */
export function directionOf(unit: string): Direction {
  if (unit.endsWith('bit/s') || unit === '1/s') return 'more';
  return ['%', 'packets', 'messages', 'rotations'].includes(unit) ? 'none' : 'less';
}

/** Returns '↑' if more is better and '↓' if less is better. The text is empty for other units. */
export function arrowOf(unit: string): string {
  return ARROWS[directionOf(unit)];
}

/**
 * Returns the best value of `subjects`; undefined if none was measured or the unit has no
 * direction.
 */
export function bestOf(row: Row, subjects: readonly string[]): number | undefined {
  const direction = directionOf(row.unit);
  const values = subjects.flatMap((subject) => valueOf(row, subject) ?? []);
  if (values.length === 0 || direction === 'none') return undefined;
  return direction === 'more' ? Math.max(...values) : Math.min(...values);
}

/** Returns the ratio; undefined if a value was not measured or the denominator is 0. */
export function ratio(
  numerator: number | undefined,
  denominator: number | undefined,
): number | undefined {
  if (numerator === undefined || denominator === undefined || denominator === 0) return undefined;
  return numerator / denominator;
}

const ARROWS: Record<Direction, string> = { more: '↑', less: '↓', none: '' };
