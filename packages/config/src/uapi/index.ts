/**
 * A client of WireGuard daemons over their Unix socket. It needs Node.js; the texts that go over that
 * socket are `@litz/config`'s, which run anywhere.
 *
 * ```ts
 * import { UapiClient } from '@litz/config/uapi';
 *
 * const { peers } = await UapiClient.of('wg0').get();
 * ```
 *
 * @module
 */
export { untrustedFolder } from './untrusted-folder.ts';
export { UapiClient, type UapiClientOptions } from './uapi-client.ts';
