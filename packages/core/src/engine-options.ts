/**
 * `EngineOptions`: what an engine needs from the world around it, and what can be asked of it.
 *
 * @module
 */
import type { CryptoProvider } from './crypto/provider.ts';

/** What an engine needs from the world around it. */
export interface EngineOptions {
  /** Fills `out` with random bytes: keys, indices and jitter come from it. */
  randomBytes: (out: Uint8Array) => void;
  /** Unix milliseconds, for handshake timestamps only; it may jump, timestamps stay monotonic. */
  unixTime: () => number;
  /** Default: `nobleProvider`. */
  crypto?: CryptoProvider;
  /** Of the inner packets, default 1420. Padding never goes past it. */
  mtu?: number;
  /** Give up a handshake after this long instead of Rekey-Attempt-Time (20 sends). */
  handshakeGiveUpMs?: number;
  /** Message limits, so that tests reach them. */
  limits?: { rekeyAfterMessages?: number; rejectAfterMessages?: number };
  /** From how many handshake messages per second on cookies are asked for. */
  underLoad?: { handshakesPerSecond?: number };
}
