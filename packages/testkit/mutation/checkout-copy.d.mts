export function copyCheckout(root: string, copy: string, patterns: readonly string[]): string[];
export function inBraces(source: string): string;
export function matches(pattern: string, file: string): boolean;
