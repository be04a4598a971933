/**
 * Names of network interfaces on the command line.
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
