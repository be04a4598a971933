/**
 * `SuccessorValues`: what a device that continues another one is made from.
 *
 * @module
 */
import type { DeviceOptions, TunOptions } from '../options.ts';
import type { SavedSettings } from './saved-device.ts';

/** The name of the interface, the options, and what the other process says of its TUN. */
export type SuccessorValues = [
  name: string,
  options: Omit<DeviceOptions, 'tun' | 'up'> & Pick<TunOptions, 'persist'>,
  takesOver: Pick<SavedSettings, 'offloads'>,
];
