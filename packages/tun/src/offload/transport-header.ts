/**
 * Offsets in bytes of the fields of TCP and UDP headers (RFC 9293 3.1, RFC 768).
 *
 * @module
 */

/** Protocol numbers. */
export const TCP = 6;
export const UDP = 17;

export const TCP_FLAGS = 13;
export const TCP_FIN = 0x01;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;

export const TCP_CHECKSUM = 16;
export const UDP_CHECKSUM = 6;
