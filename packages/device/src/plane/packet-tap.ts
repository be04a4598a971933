/**
 * `PacketTap`: the interface through which captures see packets. Nothing else outside the packet
 * path sees them. Without a capture there is no tap, and the path checks one field per call.
 *
 * @module
 */
import type { DropReason, Endpoint, PacketRun, Transmit } from '@litz/core';

/** A tap must not change any bytes. All arguments are borrowed for the call. */
export interface PacketTap {
  /** Packets of the interface, before the engine seals them in place. */
  beforeSend(run: PacketRun): void;
  /**
   * Called after the engine got the packets of `beforeSend`. `reason`: why they were dropped;
   * undefined if they were sealed or wait for a session.
   */
  afterSend(run: PacketRun, reason: DropReason | undefined): void;
  /** Datagrams that go to the sockets. They must be sealed already. */
  transmit(transmit: Transmit): void;
  /** A received datagram, before the engine opens it in place. */
  beforeOpen(
    buffer: Uint8Array,
    offset: number,
    length: number,
    source: Endpoint,
    ecn: number,
  ): void;
  /** What the engine returned for the datagram of `beforeOpen`. */
  afterOpen(opened: number | DropReason): void;
  /**
   * A packet that the engine has made for the interface, or has taken from a datagram that waited.
   */
  made(buffer: Uint8Array, offset: number, length: number): void;
}
