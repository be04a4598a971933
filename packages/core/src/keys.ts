/**
 * Keys as branded types, made by a parser, so that a `PublicKey` cannot be passed as a
 * `PresharedKey`. All are 32 bytes; the text form is base64 with padding, 44 characters.
 *
 * @module
 */

declare const brand: unique symbol;
/** Clamped (RFC 7748 section 5). */
export type PrivateKey = Uint8Array & { readonly [brand]: 'PrivateKey' };
export type PublicKey = Uint8Array & { readonly [brand]: 'PublicKey' };
export type PresharedKey = Uint8Array & { readonly [brand]: 'PresharedKey' };
