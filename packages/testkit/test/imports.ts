/**
 * Reads the imports of a source text, for the checks of imports.
 *
 * @module
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface Import {
  specifier: string;
  dynamic: boolean;
}

/**
 * Returns all imports and re-exports of a source text. An import of types loads nothing, so it
 * counts as dynamic.
 */
export function importsOf(source: string): Import[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  const found: Import[] = [];
  for (const match of code.matchAll(
    /^\s*(?:import|export)\s+(type\s)?(?:[\w*{}\s,$]+?\sfrom\s+)?'([^']+)'/gm,
  )) {
    found.push({ specifier: match[2], dynamic: match[1] !== undefined });
  }
  for (const match of code.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)) {
    found.push({ specifier: match[1], dynamic: true });
  }
  return found;
}

/** Returns all TypeScript files of a folder and its subfolders. */
export function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}
