/**
 * WireGuard's text formats: wg-quick files, the cross-platform userspace protocol, addresses,
 * endpoints and keys. The package runs in every JavaScript runtime. Only the client of a daemon,
 * `@litz/config/uapi`, needs Node.js.
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
export {
  formatAddress,
  formatCidr,
  formatEndpoint,
  parseAddress,
  parseCidr,
  parseEndpoint,
  type Cidr,
  type HostEndpoint,
} from '@litz/core';
export { tryParseAddress, tryParseCidr, tryParseEndpoint } from '@litz/core/internals';
export type {
  DeviceConfiguration,
  DeviceDetails,
  DevicePeerStatus,
  DeviceStatus,
} from './device-configuration.ts';
export {
  DEVICE_FIELDS,
  readDeviceChange,
  wipeSecrets,
  type DeviceChange,
} from './device-change.ts';
export { isZeroKey } from '@litz/core/internals';
export { keyFromHex, keyToHex } from './text/hex-key.ts';
export {
  formatErrnoResponse,
  formatGetDevice,
  formatGetPeers,
  formatGetResponse,
  type GetOptions,
} from './uapi/get-response.ts';
export { parseErrnoResponse, parseGetResponse } from './uapi/parse-response.ts';
export {
  formatChangedPeer,
  formatCursor,
  parsePeerChanges,
  RESYNC_LINE,
  type ChangedPeer,
  type PeerChanges,
} from './uapi/peer-changes.ts';
export { RequestSplitter, type UapiRequest } from './uapi/request-splitter.ts';
export {
  formatCaptureRequest,
  parseCaptureRequest,
  type CaptureRequest,
} from './uapi/capture-request.ts';
export { formatSetRequest, parseSetRequest } from './uapi/set-request.ts';
export { UAPI_ERRNO, UapiError } from './uapi/uapi-error.ts';
export { ConfigError, type ConfigProblem } from './wg-quick/config-error.ts';
export type {
  InterfaceInput,
  InterfaceSection,
  PeerInput,
  PeerSection,
  WgQuickConfig,
  WgQuickInput,
} from './wg-quick/config.ts';
export { fieldLines, prefixesOf, type ConfigLine } from './wg-quick/field-lines.ts';
export { formatConfig } from './wg-quick/format-config.ts';
export { parseConfig } from './wg-quick/parse-config.ts';
export { toDeviceConfiguration } from './wg-quick/to-device-configuration.ts';
