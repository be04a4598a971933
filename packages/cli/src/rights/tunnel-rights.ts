/**
 * `keepTunnelRights`: drops the rights that the tunnel of `litz up` does not need.
 *
 * Hooks are programs of the administrator, and need the rights that they have with wg-quick. So a
 * tunnel with hooks keeps all rights.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { readInputFile } from '@litz/config/uapi';
import { readRights } from '@litz/sys';
import { keepAllRights, keepFewRights } from './few-rights.ts';

/**
 * Drops the rights if the file is regular and no hooks are run. Must be called before anything is
 * opened or printed.
 *
 * @param file the path of the file. If it is missing or wrong, a later step says so
 * @param runsHooks whether hooks are run
 */
export function keepTunnelRights(file: string, runsHooks: boolean): void {
  const mayDrop = isRegularFile(file) && !(runsHooks && hasHooks(file));
  if (mayDrop) keepFewRights('tunnel');
  else keepAllRights();
}

/**
 * Returns a warning if the file has hooks and this process dropped rights at its start. Returns
 * undefined if one of the two is not true.
 */
export function warningOfHooks(file: string): string | undefined {
  const { noNewPrivileges } = readRights();
  if (!noNewPrivileges || !hasHooks(file)) return undefined;
  return (
    'this tunnel started without hooks and has dropped the rights that hooks usually need: ' +
    'to run them with these rights, use litz down, then litz up'
  );
}

/**
 * A pipe can be read only once. To drop rights, the program starts again, and reads the file a
 * second time.
 */
function isRegularFile(file: string): boolean {
  // `bigint` avoids a fault of Node.js: after the mode of a pipe or a socket was returned as a
  // number, imports do not follow symbolic links (nodejs/node#51142).
  return statSync(file, { bigint: true, throwIfNoEntry: false })?.isFile() === true;
}

function hasHooks(file: string): boolean {
  try {
    return /^\s*(pre|post)(up|down)\s*=/im.test(readInputFile(file, { refusesPipes: true }));
  } catch {
    return false;
  }
}
