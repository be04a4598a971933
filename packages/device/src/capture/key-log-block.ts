/**
 * Writes the secrets of a handshake as a block of pcapng: the Decryption Secrets Block, section 4.7
 * of draft-ietf-opsawg-pcapng, with the key log of WireGuard that Wireshark reads
 * (epan/dissectors/packet-wireguard.c):
 *
 * ```
 *   LOCAL_STATIC_PRIVATE_KEY=<base64>
 *   REMOTE_STATIC_PUBLIC_KEY=<base64>
 *   LOCAL_EPHEMERAL_PRIVATE_KEY=<base64>
 *   PRESHARED_KEY=<base64>
 * ```
 *
 * Wireshark uses a preshared key together with the ephemeral key on the line before it. The block
 * must come before the messages of the handshake. The keys never become strings, because a string
 * cannot be wiped.
 *
 * @module
 */
import type { HandshakeSecrets } from '@litz/core/internals';

/** Returns the length of the block. */
export function keyLogBlockLength({ presharedKey }: HandshakeSecrets): number {
  return HEADER_LENGTH + paddedTextLength(presharedKey !== undefined) + 4;
}

/** Writes the block at `at`. @returns its length */
export function writeKeyLogBlock(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  secrets: HandshakeSecrets,
): number {
  const { staticPrivate, remoteStaticPublic, ephemeralPrivate, presharedKey } = secrets;
  const length = keyLogBlockLength(secrets);
  let next = at + HEADER_LENGTH;
  next = writeLine(bytes, next, 'LOCAL_STATIC_PRIVATE_KEY', staticPrivate);
  next = writeLine(bytes, next, 'REMOTE_STATIC_PUBLIC_KEY', remoteStaticPublic);
  next = writeLine(bytes, next, 'LOCAL_EPHEMERAL_PRIVATE_KEY', ephemeralPrivate);
  if (presharedKey) next = writeLine(bytes, next, 'PRESHARED_KEY', presharedKey);
  const textLength = next - at - HEADER_LENGTH;
  bytes.fill(0, next, at + length - 4);
  view.setUint32(at, SECRETS_BLOCK, true);
  view.setUint32(at + 4, length, true);
  view.setUint32(at + 8, WIREGUARD_KEY_LOG, true);
  view.setUint32(at + 12, textLength, true);
  view.setUint32(at + length - 4, length, true);
  return length;
}

function writeLine(bytes: Uint8Array, at: number, name: string, key: Uint8Array): number {
  let next = at;
  for (let i = 0; i < name.length; i++) bytes[next++] = name.charCodeAt(i);
  bytes[next++] = EQUALS;
  for (let i = 0; i < KEY_LENGTH; i += 3) {
    const bits = ((key[i] ?? 0) << 16) | ((key[i + 1] ?? 0) << 8) | (key[i + 2] ?? 0);
    for (let shift = 18; shift >= 0; shift -= 6) bytes[next++] = letterOf((bits >> shift) & 63);
  }
  // The last group of the 32 bytes has only two bytes, so its fourth letter is padding.
  bytes[next - 1] = EQUALS;
  bytes[next++] = NEWLINE;
  return next;
}

/**
 * Returns the letter of base64 for a value from 0 to 63. A table would leak the value through the
 * cache.
 */
function letterOf(value: number): number {
  // A negative difference has its sign bits set, so each step applies only above its limit.
  let letter = 65 + value;
  letter += ((25 - value) >> 8) & 6;
  letter -= ((51 - value) >> 8) & 75;
  letter -= ((61 - value) >> 8) & 15;
  letter += ((62 - value) >> 8) & 3;
  return letter;
}

function paddedTextLength(hasPresharedKey: boolean): number {
  const names = hasPresharedKey ? NAMES_LENGTH + PSK_NAME_LENGTH : NAMES_LENGTH;
  return (names + (hasPresharedKey ? 4 : 3) * LINE_REST + 3) & ~3;
}

/** Type of the block. */
const SECRETS_BLOCK = 10;
/** 'WGKL', the type of secrets that are a key log of WireGuard. */
const WIREGUARD_KEY_LOG = 0x57_47_4b_4c;
/** Where the secrets begin in the block; a 32-bit number in front of them is their length. */
const SECRETS_OFFSET = 16;

const HEADER_LENGTH = SECRETS_OFFSET;
const KEY_LENGTH = 32;
const EQUALS = 61;
const NEWLINE = 10;
/** '=', 44 characters of base64 and the end of the line. */
const LINE_REST = 46;
const NAMES_LENGTH: number =
  'LOCAL_STATIC_PRIVATE_KEY'.length +
  'REMOTE_STATIC_PUBLIC_KEY'.length +
  'LOCAL_EPHEMERAL_PRIVATE_KEY'.length;
const PSK_NAME_LENGTH: number = 'PRESHARED_KEY'.length;
