/**
 * `EngineOptions`: what the caller of an engine must supply, and optional settings.
 *
 * @module
 */
import type { CryptoProvider } from './crypto/provider.ts';

/** What the caller of an engine must supply, and optional settings. */
export interface EngineOptions {
  /** Fills `out` with random bytes, which are used for keys, indices and jitter. */
  randomBytes: (out: Uint8Array) => void;
  /**
   * Returns Unix time in milliseconds, used only for handshake timestamps and to report when a
   * handshake completed. The clock may jump; the timestamps still increase.
   */
  unixTime: () => number;
  /** Default: `nobleProvider`. */
  crypto?: CryptoProvider;
  /**
   * The MTU of the interface in bytes, default 1420. Padding never makes a packet longer than this;
   * a packet that is already longer is sent without padding.
   */
  mtu?: number;
  /**
   * The time after which a handshake is given up, in milliseconds. Without this option, a handshake
   * is given up after 20 initiations (Rekey-Attempt-Time).
   */
  handshakeGiveUpMs?: number;
  /** Message limits of a session. Only tests set them. */
  limits?: { rekeyAfterMessages?: number; rejectAfterMessages?: number };
  /**
   * If more handshake messages than this arrive in a second, the engine answers only senders that
   * prove with a cookie that their source address is right. It sends a cookie to the other senders.
   * Default 100.
   */
  underLoad?: { handshakesPerSecond?: number };
}
