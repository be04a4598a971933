/**
 * The channels of `node:diagnostics_channel` on which all devices of a process report their events.
 * An event without a subscriber costs only one look-up of its channel.
 *
 * @module
 */
import { channel, type Channel } from 'node:diagnostics_channel';
import { OPTIONAL_EVENTS, type OptionalEvent } from './plane/data-plane.ts';

/** Reports an event. @param message called only if there is a subscriber */
export function publishEvent(event: string, message: () => object): void {
  const found = CHANNELS.get(event);
  if (found?.hasSubscribers === true) found.publish(message());
}

/** Returns the optional events that have a subscriber. */
export function subscribedEvents(): OptionalEvent[] {
  return OPTIONAL_EVENTS.filter((event) => CHANNELS.get(event)!.hasSubscribers);
}

/** Held here, because Node.js forgets a channel that has no subscribers and no references. */
const CHANNELS: ReadonlyMap<string, Channel> = new Map(
  [...OPTIONAL_EVENTS, 'open', 'up', 'down', 'mtu', 'offload', 'error', 'close'].map((event) => [
    event,
    channel(`litz:device:${event}`),
  ]),
);
