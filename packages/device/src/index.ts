/**
 * A WireGuard device: it joins the engine, a TUN and UDP sockets in one packet loop.
 *
 * ```ts
 * import { randomFillSync } from 'node:crypto';
 * import { generatePrivateKey } from '@litz/core';
 * import { Device, MemoryTun } from '@litz/device';
 *
 * const tun = new MemoryTun(); // or 'wg0': an interface, with the privilege for it
 * const device = await Device.create({ tun, privateKey: generatePrivateKey(randomFillSync) });
 * tun.on('packet', (packet) => {}); // out of the tunnel; tun.send(packet) is the way in
 * await device.configure({ listenPort: 0 });
 * await device.close();
 * ```
 *
 * @module
 */
export { Device } from './device.ts';
export type { DeviceEvents } from './device-events.ts';
export type { DeviceDiagnostics } from './device-diagnostics.ts';
export type { PeerChange } from '@litz/core';
export type { DeviceChange } from '@litz/config';
export type { CaptureOptions } from './capture/capture-options.ts';
export type { CaptureCounts, CaptureStream, DeviceCapture } from './capture/device-capture.ts';
export type { DeviceSnapshot, DeviceStats } from './device-status.ts';
export { BATCH_LIMITS, type BatchStats } from './plane/batch-sizes.ts';
export type { LoopStats } from './plane/loop-time.ts';
export { MemoryTun, type MemoryTunEvents, type MemoryTunOptions } from './portable/memory-tun.ts';
export { giveDevice, type GiveOptions, type Successor } from './hand-over/give-device.ts';
export { HAND_OVER_FORMAT } from './hand-over/hand-over-channel.ts';
export { takeDevice, type TakenDevice, type TakeOptions } from './hand-over/take-device.ts';
export { resolveEndpoint, type HostPort, type ResolveOptions } from './quick/resolve-endpoint.ts';
export {
  selectProvider,
  type ProviderCandidate,
  type ProviderChoice,
  type ProviderName,
  type SelectOptions,
} from './provider/select-provider.ts';
export type { CryptoStatus } from './driver.ts';
export type {
  CryptoModule,
  DeviceOptions,
  EngineSettings,
  OffloadSwitches,
  TunOptions,
} from './options.ts';
export type { Tun, TunLinkChange } from './plane/io-interfaces.ts';
export type { UapiTarget } from './uapi/uapi-answers.ts';
export { UapiServer } from './uapi/uapi-server.ts';
export type { UapiServerOptions } from './uapi/uapi-server-options.ts';
