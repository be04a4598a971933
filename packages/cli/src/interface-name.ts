/**
 * `checkInterfaceName`: refuses a word of the command line that cannot be the name of an interface.
 *
 * @module
 */
import { newInterfaceNameFault, quote } from '@litz/core/text';
import { Failure } from './failure.ts';

/** @throws {Failure} exit code 2: an interface cannot have this name */
export function checkInterfaceName(name: string): void {
  const fault = newInterfaceNameFault(name);
  if (fault === undefined) return;
  throw new Failure(`${quote(name)} is not an interface name: ${fault}`, { exitCode: 2 });
}
