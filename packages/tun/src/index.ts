/**
 * TUN devices for Node.js.
 *
 * ```ts
 * const tun = openTun({ name: 'tun%d', mtu: 1420 });
 * tun.addAddress({ address: Uint8Array.of(10, 0, 0, 1), prefixLength: 24 });
 * tun.up();
 * const buffer = new Uint8Array(VNET_HEADER_LENGTH + 1420);
 * const length = tun.read(buffer, 0, buffer.length); // 0: nothing there yet
 * ```
 *
 * @module
 */
export { VNET_HEADER_LENGTH } from './offload/vnet-header.ts';
export { adoptTun } from './adopt-tun.ts';
export { openTun, type TunOptions } from './open-tun.ts';
export { TunDevice } from './tun-device.ts';
export type { TunOffloads } from './tun-ioctl.ts';
export { openTunPair } from './tun-pair.ts';
export { TunMonitor } from './tun-monitor.ts';
export { TunStream, type TunStreamOptions } from './tun-stream.ts';
