/**
 * WireGuard for JavaScript programs: the exports that most programs need. The packages `@litz/...`
 * have the rest.
 *
 * ```ts
 * import { Device, generateKeyPair, MemoryTun } from 'litz';
 *
 * const { privateKey, publicKey } = generateKeyPair();
 * const device = await Device.create({ tun: new MemoryTun(), privateKey });
 * await device.close();
 * ```
 *
 * This module does not contain the command `litz`, which is a userspace WireGuard daemon and does
 * what wg-quick does.
 *
 * @module
 */
export {
  Endpoint,
  formatKey,
  generateKeyPair,
  generatePrivateKey,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  publicKeyOf,
  WireGuardError,
  type AllowedIp,
  type KeyPair,
  type KeyPairOptions,
  type PeerStatus,
  type PresharedKey,
  type PrivateKey,
  type PublicKey,
  type WireGuardErrorCode,
} from '@litz/core';
export {
  ConfigError,
  formatAddress,
  formatCidr,
  formatConfig,
  formatEndpoint,
  parseAddress,
  parseCidr,
  parseConfig,
  parseEndpoint,
  toDeviceConfiguration,
  type Cidr,
  type ConfigProblem,
  type DeviceConfiguration,
  type DeviceStatus,
  type HostEndpoint,
  type InterfaceSection,
  type PeerSection,
  type WgQuickConfig,
} from '@litz/config';
export { UapiClient, type UapiClientOptions } from '@litz/config/uapi';
export {
  Device,
  MemoryTun,
  resolveEndpoint,
  UapiServer,
  type DeviceChange,
  type DeviceEvents,
  type DeviceOptions,
  type DeviceSnapshot,
  type DeviceStats,
  type MemoryTunEvents,
  type MemoryTunOptions,
  type OffloadSwitches,
  type PeerChange,
  type ResolveOptions,
  type UapiServerOptions,
} from '@litz/device';
