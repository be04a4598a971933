/**
 * A client of WireGuard daemons over their Unix sockets, and functions that such clients share with
 * servers. This entry needs Node.js. The text formats of the protocol are in `@litz/config`, which
 * runs in every runtime.
 *
 * ```ts
 * import { UapiClient } from '@litz/config/uapi';
 *
 * const { peers } = await UapiClient.of('wg0').get();
 * ```
 *
 * @module
 */
export { inodeOf } from './inode-of.ts';
export { linesOf } from './lines-of.ts';
export { loadInputFile, readInputFile, type InputFileOptions } from './read-input-file.ts';
export { readLine, type LineLimits } from './read-line.ts';
export { untrustedFolder } from './untrusted-folder.ts';
export { UapiClient, type UapiClientOptions } from './uapi-client.ts';
