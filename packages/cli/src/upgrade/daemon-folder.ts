/**
 * `daemonFolder`: the folder of a daemon's own sockets, which only its user may enter.
 *
 * The folder is beside the UAPI socket, because every daemon can write there, whatever its user.
 *
 * @module
 */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UapiServer } from '@litz/device';

/** Returns the path of the folder. @param name the name of the interface */
export function daemonFolder(name: string): string {
  return join(dirname(UapiServer.path(name)), `.litz-${name}`);
}

/** Returns the path of the socket to which the new process of an upgrade connects. */
export function handOverSocket(name: string): string {
  return join(daemonFolder(name), 'hand-over');
}

/** Removes the folder when the daemon ends. */
export function removeDaemonFolder(name: string): void {
  rmSync(daemonFolder(name), { recursive: true, force: true });
}
