/**
 * WireGuard for JavaScript programs: the exports that most programs need. The packages `@litz/...`
 * have the rest.
 *
 * This module does not contain the command `litz`, which is a userspace WireGuard daemon and does
 * what wg-quick does.
 *
 * @example
 * ```ts
 * import { Device, generateKeyPair, MemoryTun } from 'litz';
 *
 * const { privateKey } = generateKeyPair();
 * const peer = { publicKey: generateKeyPair().publicKey, allowedIps: ['10.0.0.2/32'] };
 * const device = await Device.create({ tun: new MemoryTun(), privateKey, peers: [peer] });
 * console.log(device.name, (await device.status()).peers.length); //=> memory 1
 * await device.close();
 * ```
 *
 * @example An interface of Linux, and its UAPI socket
 * ```ts
 * // As root, on Linux.
 * import { Device, generateKeyPair, UapiClient, UapiServer } from 'litz';
 *
 * const { privateKey } = generateKeyPair();
 * const device = await Device.create({ tun: 'wg0', privateKey, addresses: ['10.0.0.1/24'] });
 * const server = await UapiServer.listen(device, { path: UapiServer.path('wg0') });
 * const { listenPort } = await UapiClient.of('wg0').get();
 * console.log(listenPort === (await device.status()).listenPort); //=> true
 * await server.close();
 * await device.close();
 * ```
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
