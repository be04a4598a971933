/**
 * Protocol numbers of TCP and UDP, and offsets in bytes of fields of their headers (RFC 9293 3.1,
 * RFC 768).
 *
 * @module
 */

/** Protocol number of TCP. */
export const TCP = 6;
/** Protocol number of UDP. */
export const UDP = 17;

/** Offset of the flags of TCP, one byte. */
export const TCP_FLAGS = 13;
/** A flag of TCP: the sender sends no more data. */
export const TCP_FIN = 0x01;
/** A flag of TCP: the receiver passes the data on at once. */
export const TCP_PSH = 0x08;
/** A flag of TCP: the acknowledgment number is valid. */
export const TCP_ACK = 0x10;

/** Offset of the checksum of TCP, 16 bits. */
export const TCP_CHECKSUM = 16;
/** Offset of the checksum of UDP, 16 bits. */
export const UDP_CHECKSUM = 6;
