/**
 * `readRoutingTables`: reads the names of routing tables from iproute2's files.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Returns the numbers of the routing tables by name, including the kernel's own tables.
 *
 * @param folders the folders of iproute2's files. The file `rt_tables` is read only in the first
 *   folder that has it. The files `rt_tables.d/*.conf` are read in all folders.
 */
export function readRoutingTables(
  folders: readonly string[] = ['/etc/iproute2', '/usr/share/iproute2'],
): Map<string, number> {
  const tables = new Map(BUILT_IN);
  const main = folders.map((folder) => textOf(join(folder, 'rt_tables')));
  const added = folders.flatMap((folder) => textsIn(join(folder, 'rt_tables.d')));
  for (const text of [main.find((found) => found !== undefined) ?? '', ...added]) {
    for (const [, number, name] of text.matchAll(LINE)) tables.set(name!, Number(number));
  }
  return tables;
}

function textsIn(folder: string): string[] {
  try {
    const files = readdirSync(folder).filter((file) => file.endsWith('.conf'));
    return files.toSorted().flatMap((file) => textOf(join(folder, file)) ?? []);
  } catch {
    return [];
  }
}

/** Returns the text; undefined if the file cannot be read. A missing file defines no names. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** A line like `200 office`, with or without a comment after it. */
const LINE = /^[ \t]*(\d{1,10}|0x[\da-fA-F]{1,8})[ \t]+([^\s#]+)/gm;
/** From linux/rtnetlink.h. */
const BUILT_IN: readonly (readonly [string, number])[] = [
  ['default', 253],
  ['main', 254],
  ['local', 255],
];
