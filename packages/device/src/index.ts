/**
 * A WireGuard device: engine, TUN and UDP in one packet loop.
 *
 * ```ts
 * import { generatePrivateKey, nobleProvider, publicKeyOf } from '@litz/core';
 * import { Device, MemoryTun } from '@litz/device';
 *
 * const tun = new MemoryTun();
 * const device = await Device.create({ tun, privateKey: generatePrivateKey(randomFillSync) });
 * ```
 *
 * @module
 */
export { Device, type DeviceEvents } from './device.ts';
export type { DeviceChange, PeerChange } from './device-change.ts';
export type { DeviceSnapshot, DeviceStats } from './device-status.ts';
export { MemoryTun, type MemoryTunEvents, type MemoryTunOptions } from './memory-tun.ts';
export type { CryptoModule, DeviceOptions, EngineSettings, TunOptions } from './options.ts';
export type { Tun, TunLinkChange } from './ports.ts';
export { UapiServer, type UapiServerOptions, type UapiTarget } from './uapi-server.ts';
