/**
 * `PacketUnderConstruction`: a packet of which the transport header and the payload are being
 * written. Its IP header is written last.
 *
 * @module
 */

/** A record that is reused. */
export interface PacketUnderConstruction {
  buffer: Uint8Array;
  /** Where the transport header begins. */
  transport: number;
  /** The length of the whole packet in bytes. */
  length: number;
}
