/**
 * `SuccessorValues`: the arguments for a device that continues the device of another process.
 *
 * @module
 */
import type { DeviceOptions, TunOptions } from '../options.ts';
import type { SavedSettings } from './saved-device.ts';

/** The name of the interface, the options, and the offloads of the other process's TUN. */
export type SuccessorValues = [
  name: string,
  options: Omit<DeviceOptions, 'tun' | 'up'> & Pick<TunOptions, 'persist'>,
  takesOver: Pick<SavedSettings, 'offloads'>,
];
