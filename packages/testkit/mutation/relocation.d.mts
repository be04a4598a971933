export interface FileResult {
  source: string;
  mutants: readonly object[];
}

export function relocate(result: FileResult, source: string): FileResult | undefined;
