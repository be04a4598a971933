/**
 * `LiveStatus`: what `litz top` and the page of `litz serve` show. It is plain data for
 * `JSON.stringify`. Undefined fields are missing in the JSON. The status contains no secret.
 *
 * Times are Unix time in milliseconds. Numbers of bytes are the sizes of whole messages, as
 * WireGuard counts them. Messages are transport messages: each carries one packet, or is a
 * keepalive.
 *
 * @module
 */
import type { DropReason } from '@litz/core';

/** The state of all watched interfaces and their peers at one time. */
export interface LiveStatus {
  /** The version of the format of this object. A new field does not change the version. */
  readonly version: 1;
  readonly time: number;
  /** The time in ms between the previous status and this one; undefined: this is the first. */
  readonly intervalMs: number | undefined;
  readonly interfaces: readonly LiveInterface[];
  /** The peers of all interfaces, one interface after the other. */
  readonly peers: readonly LivePeer[];
}

/** The number of drops by reason. */
export type Drops = Partial<Record<DropReason, number>>;

export interface LiveInterface {
  readonly name: string;
  /** Why the daemon does not answer; undefined: the daemon answers. */
  readonly trouble: string | undefined;
  readonly publicKey: string | undefined;
  /** 0: there is no UDP socket. */
  readonly listenPort: number;
  /**
   * The provider of cryptography. This field and the next two are undefined if the daemon does not
   * report them.
   */
  readonly provider: string | undefined;
  readonly offloads: readonly string[] | undefined;
  /** All drops of this interface, also those that belong to no peer. */
  readonly drops: Drops | undefined;
  readonly peerCount: number;
  readonly connectedCount: number;
  readonly rates: LiveRates;
}

/**
 * `connected`: the last handshake is at most three minutes ago, so there is a session. `idle`:
 * the session of the last handshake has ended, and no problem is known. `waiting`: there was no
 * handshake yet, and no problem is known. `failing`: there is no session, and `problem` says why.
 */
export type LivePeerState = 'connected' | 'idle' | 'waiting' | 'failing';

export interface LivePeer {
  /** Unique among all interfaces: `wg0/xTIB...=`. */
  readonly id: string;
  readonly interface: string;
  /** 32 bytes in base64. */
  readonly publicKey: string;
  readonly state: LivePeerState;
  readonly problem: string | undefined;
  readonly endpoint: string | undefined;
  /** `HOST:PORT`: the name that the daemon looks up if the peer is silent. */
  readonly endpointName: string | undefined;
  readonly allowedIps: readonly string[];
  readonly lastHandshakeAt: number | undefined;
  /** The round trip of the last handshake in ms, with the time for its cryptography. */
  readonly roundTripMs: number | undefined;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** This field and the next two are undefined if the daemon does not report them. */
  readonly receivedMessages: number | undefined;
  readonly sentMessages: number | undefined;
  readonly drops: Drops | undefined;
  readonly rates: LiveRates;
}

/** Per second, since the previous reading of the interface. All are 0 in the first reading. */
export interface LiveRates {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly sentMessages: number;
  readonly drops: number;
  readonly handshakes: number;
}

/** All rates are 0. */
export const NO_RATES: LiveRates = Object.freeze({
  receivedBytes: 0,
  sentBytes: 0,
  receivedMessages: 0,
  sentMessages: 0,
  drops: 0,
  handshakes: 0,
});

/** Returns how much was dropped, for any reason. */
export function sumOfDrops(drops: Drops = {}): number {
  return Object.values(drops).reduce((sum, count) => sum + count, 0);
}

/** Returns the sum of rates. */
export function sumOfRates(all: readonly LiveRates[]): LiveRates {
  const sum = { ...NO_RATES };
  for (const rates of all) {
    for (const name of RATE_NAMES) sum[name] += rates[name];
  }
  return sum;
}

const RATE_NAMES = Object.keys(NO_RATES) as (keyof LiveRates)[];
