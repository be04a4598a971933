/**
 * `HandshakeFlood`: sends handshake messages of many sources at a given rate. `floodMessages` makes
 * the messages.
 *
 * Each message has a valid type and a valid mac1, so a receiver must process it. Nothing else in it
 * is valid.
 *
 * @module
 */
import { nobleProvider, type Endpoint, type PublicKey } from '@litz/core';

/** The kinds of messages that a flood can consist of. */
export const FLOOD_KINDS = ['initiations', 'responses'] as const;
export type FloodKind = (typeof FLOOD_KINDS)[number];

/** The batched sockets that a flood uses; `UdpSockets` of `@litz/udp` are such sockets. */
export interface FloodSockets {
  send(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Endpoint,
    tos: number,
  ): void;
  flush(): void;
}

export interface FloodOptions {
  readonly sockets: FloodSockets;
  /** The messages, sent in turn. */
  readonly messages: readonly Uint8Array[];
  /**
   * The receiver, once for each address to send from: each endpoint has another `sourceAddress`.
   * The endpoints are used in turn.
   */
  readonly destinations: readonly Endpoint[];
  /** Messages per second; Infinity means as many as possible. */
  readonly perSecond: number;
}

/** A flood. The caller calls `sendDue` again and again, and owns the sockets. */
export class HandshakeFlood {
  /** How many messages were sent so far. */
  sent: number = 0;
  readonly #options: FloodOptions;

  constructor(options: FloodOptions) {
    this.#options = options;
  }

  /**
   * Sends the messages that are due, but at most `MOST_AT_ONCE` in one call. So this function
   * returns soon, even if it was not called for a while.
   *
   * @param elapsedMs time since the flood began
   */
  sendDue(elapsedMs: number): void {
    const { sockets, messages, destinations, perSecond } = this.#options;
    const most = this.sent + MOST_AT_ONCE;
    const due = perSecond === Infinity ? most : Math.min((elapsedMs * perSecond) / 1000, most);
    for (; this.sent < due; this.sent++) {
      const message = messages[this.sent % messages.length]!;
      const destination = destinations[this.sent % destinations.length]!;
      sockets.send(message, 0, message.length, destination, 0);
    }
    sockets.flush();
  }
}

/**
 * Returns `count` new messages for the device with the key `receiver`: 148 bytes each (initiations)
 * or 92 bytes (responses). All fields are random, except type and mac1. mac2 is zero.
 */
export function floodMessages(
  kind: FloodKind,
  receiver: PublicKey,
  count: number,
  randomBytes: (out: Uint8Array) => void,
): Uint8Array[] {
  // The WireGuard paper, section 5.4.4: msg.mac1 := Mac(Hash(LABEL_MAC1 || S_m'_pub), msg_alpha)
  const mac1Key = new Uint8Array(32);
  nobleProvider.hash(mac1Key, new TextEncoder().encode('mac1----'), receiver);
  const { type, length } = SHAPES[kind];
  const mac1At = length - 2 * MAC_LENGTH;
  return Array.from({ length: count }, () => {
    const message = new Uint8Array(length);
    const body = message.subarray(0, mac1At);
    randomBytes(body);
    message.set([type, 0, 0, 0]);
    nobleProvider.mac(message.subarray(mac1At, mac1At + MAC_LENGTH), mac1Key, body);
    return message;
  });
}

const SHAPES: Record<FloodKind, { type: number; length: number }> = {
  initiations: { type: 1, length: 148 },
  responses: { type: 2, length: 92 },
};
const MAC_LENGTH = 16;
const MOST_AT_ONCE = 1000;
