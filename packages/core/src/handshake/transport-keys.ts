/**
 * The result of a handshake: the two keys of a session, section 5.4.5 of the WireGuard paper.
 *
 * @module
 */
import { KEY_LENGTH } from '../constants.ts';
import { kdf } from '../crypto/kdf.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Handshake } from './handshake.ts';

/** Two keys of 32 bytes each. The caller must wipe them. */
export interface TransportKeys {
  /** T_send */
  sendKey: Uint8Array;
  /** T_recv */
  receiveKey: Uint8Array;
}

/**
 * Derives the keys for our role in the handshake, and wipes the handshake.
 *
 * @throws {TypeError} the handshake is not finished
 */
export function deriveTransportKeys(crypto: CryptoProvider, handshake: Handshake): TransportKeys {
  const { state } = handshake;
  if (state !== 'response-consumed' && state !== 'response-created') {
    throw new TypeError(`"handshake" expected a finished handshake, got state ${state}`);
  }
  const first = new Uint8Array(KEY_LENGTH);
  const second = new Uint8Array(KEY_LENGTH);
  // (T_i_send = T_r_recv, T_i_recv = T_r_send) := Kdf2(C, nothing)
  kdf(crypto, handshake.chainingKey, NOTHING, first, second);
  // E_i_priv = E_r_priv = C := nothing
  handshake.clear();
  return state === 'response-consumed'
    ? { sendKey: first, receiveKey: second }
    : { sendKey: second, receiveKey: first };
}

const NOTHING = new Uint8Array(0);
