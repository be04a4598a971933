/**
 * `openNetwork`: opens the tunnel of a proxy with `@litz/net`.
 *
 * @module
 */
import type { WgQuickConfig } from '@litz/config';
import type { OpenNetwork } from './run-proxy.ts';

/** @throws {WireGuardError} the tunnel cannot be opened */
export async function openNetwork(
  _config: WgQuickConfig,
  _options: { file: string; signal: AbortSignal },
): Promise<OpenNetwork> {
  throw new Error('the network is not there');
}
