/**
 * `DeviceDiagnostics`: the messages that devices publish on channels of `node:diagnostics_channel`.
 *
 * @module
 */
import type { Device } from './device.ts';
import type { DeviceEvents } from './device-events.ts';

/**
 * The message of each channel. Each event of `DeviceEvents` has a channel, and its message has the
 * fields of the event and the device. `litz:device:open` reports that a device was made.
 *
 * A program, or a tool that observes it, subscribes once and gets the messages of all devices of
 * the process. `drop`, `handshake`, `handshake-failed`, `peer`, `roam`, `session` and `trace` cost
 * time, so a device makes them only for listeners and subscribers. It looks for subscribers when it
 * is made, and at each later call of a method such as `status` or `configure`. All subscribers get
 * the same message object, so do not change it.
 *
 * @example
 *
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel';
 * import { Device, MemoryTun, type DeviceDiagnostics } from '@litz/device';
 *
 * subscribe('litz:device:up', (message) => {
 *   const { device, listenPort } = message as DeviceDiagnostics['litz:device:up'];
 *   console.log(device.name, listenPort > 0); //=> memory true
 * });
 * const device = await Device.create({ tun: new MemoryTun() });
 * await device.close();
 * ```
 */
export type DeviceDiagnostics = {
  readonly [Event in keyof DeviceEvents as `litz:device:${Event}`]: {
    readonly device: Device;
  } & (Event extends 'error'
    ? { readonly error: Error }
    : DeviceEvents[Event] extends readonly [infer Fields]
      ? Fields
      : unknown);
} & { readonly 'litz:device:open': { readonly device: Device } };
