/**
 * `versionOfLitz`: the version of this program.
 *
 * @module
 */
import { readFileSync } from 'node:fs';

/** Returns a version such as '0.1.0'. */
export function versionOfLitz(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
