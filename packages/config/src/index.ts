/**
 * Texts of WireGuard: wg-quick files, the cross-platform userspace protocol, addresses, endpoints and
 * keys. Runs in any JavaScript runtime; the client of a daemon, `@litz/config/uapi`, needs Node.js.
 *
 * ```ts
 * import { formatConfig, parseConfig } from '@litz/config';
 *
 * const config = parseConfig('[Interface]\nListenPort = 51820 # ours\n', { file: 'wg0.conf' });
 * config.interface.listenPort = 51821;
 * formatConfig(config); // '[Interface]\nListenPort = 51821 # ours\n'
 * ```
 *
 * @module
 */
export type {
  DeviceConfiguration,
  DevicePeerStatus,
  DeviceStatus,
} from './device-configuration.ts';
export { formatAddress, parseAddress, tryParseAddress } from './text/address.ts';
export { formatCidr, parseCidr, tryParseCidr, type Cidr } from './text/cidr.ts';
export {
  formatEndpoint,
  parseEndpoint,
  tryParseEndpoint,
  type HostEndpoint,
} from './text/endpoint.ts';
export { isZeroKey, keyFromHex, keyToHex } from './text/hex-key.ts';
export {
  formatErrnoResponse,
  formatGetDevice,
  formatGetPeers,
  formatGetResponse,
  parseErrnoResponse,
  parseGetResponse,
} from './uapi/get-response.ts';
export { RequestSplitter, type UapiRequest } from './uapi/request-splitter.ts';
export { formatSetRequest, parseSetRequest, type SetRequestOptions } from './uapi/set-request.ts';
export { UAPI_ERRNO, UapiError } from './uapi/uapi-error.ts';
export { ConfigError, type ConfigProblem } from './wg-quick/config-error.ts';
export type { InterfaceSection, PeerSection, WgQuickConfig } from './wg-quick/config.ts';
export { fieldLines, type ConfigLine } from './wg-quick/field-lines.ts';
export { formatConfig } from './wg-quick/format-config.ts';
export { parseConfig } from './wg-quick/parse-config.ts';
export { toDeviceConfiguration } from './wg-quick/to-device-configuration.ts';
