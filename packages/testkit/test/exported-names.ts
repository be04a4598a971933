/**
 * Reads the exported names of a module from its text, including types, which do not exist at run
 * time.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface ExportedNames {
  readonly values: readonly string[];
  /** Types and interfaces; a class is a value. */
  readonly types: readonly string[];
}

/** Returns the sorted names. Follows `export *` into local modules. */
export function exportedNames(file: string): ExportedNames {
  const values = new Set<string>();
  const types = new Set<string>();
  const source = withoutComments(readFileSync(file, 'utf8'));
  for (const [, typeOnly, list = ''] of source.matchAll(/^export (type )?\{([^}]*)\}/gm)) {
    for (const item of list.split(',').map((text) => text.trim())) {
      const [, isType, name] = /^(type )?(?:\S+ as )?(\S+)$/.exec(item) ?? [];
      if (name) (typeOnly || isType ? types : values).add(name);
    }
  }
  for (const [, kind, name = ''] of source.matchAll(DECLARATION)) {
    (kind === 'type' || kind === 'interface' ? types : values).add(name);
  }
  for (const [, name, from = ''] of source.matchAll(/^export \*(?: as (\w+))? from '([^']+)'/gm)) {
    if (name) {
      values.add(name);
      continue;
    }
    const inner = exportedNames(join(dirname(file), from));
    for (const value of inner.values) values.add(value);
    for (const type of inner.types) types.add(type);
  }
  return { values: [...values].toSorted(), types: [...types].toSorted() };
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/\/\/.*$/gm, '');
}

const DECLARATION =
  /^export (?:declare |abstract |async )*(const|let|class|function|type|interface)\*? (\w+)/gm;
