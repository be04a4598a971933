/** The result of one change of the code. */
export interface Mutant {
  file: string;
  line: number;
  /** The text of the line on which it begins, as in the repository. */
  text: string;
  /** The function or method that contains it. */
  within: string;
  mutator: string;
  original: string;
  replacement: string;
  status: string;
}

export interface Equivalent {
  file: string;
  within?: string;
  line: string;
  original: string;
  replacement: string;
  reason: string;
}

export interface Rules {
  equivalents: readonly Equivalent[];
  critical: Record<string, { files: RegExp; lines?: RegExp }>;
  leastShare: number;
}

export function mutantsOf(report: Report): Mutant[];
export interface Report {
  files: Record<string, { source: string; mutants: readonly object[] }>;
}

export function survivingLines(
  file: string,
  report: Report,
  equivalents: readonly Equivalent[],
): string[];
export function stoppedLines(file: string, report: Report): string[];
export function linesOf(source: string, name: string): string;
export function slim(report: Report): Report;
export function mergeResults(kept: Report, later: Report): void;
export function fateOf(
  mutant: Mutant,
  equivalents: readonly Equivalent[],
): 'killed' | 'survived' | 'equivalent' | undefined;
export function shortfalls(folders: Record<string, readonly Mutant[]>, rules: Rules): string[];
export function count(
  mutants: readonly Mutant[],
  equivalents: readonly Equivalent[],
): { killed: number; survived: number; equivalent: number; stopped: number };
export function percent(share: number): string;
