/**
 * `SessionWaits`: the callers that wait for a session with a peer (`Device.connected`).
 *
 * @module
 */
import { WireGuardError, type PublicKey } from '@litz/core';
import { keyId } from '@litz/core/internals';
import type { PlaneEvent } from './plane/plane-event.ts';

/**
 * Starts a handshake if there is no session and no handshake is in progress. Resolves to whether
 * there is a session.
 */
export type Connect = (publicKey: PublicKey) => Promise<boolean>;

export class SessionWaits {
  readonly #connect: Connect;
  readonly #waits: Set<Wait> = new Set();

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /**
   * Resolves when there is a session with the peer.
   *
   * @throws {WireGuardError} (rejects) `ERR_LITZ_TIMEOUT`; also rejects with the error of `connect`
   *   or `rejectAll`
   */
  async wait(publicKey: PublicKey, timeoutMs: number): Promise<void> {
    const wait = new Wait(publicKey);
    const timer = setTimeout(() => {
      const text = `no session within ${timeoutMs} ms`;
      wait.reject(new WireGuardError('ERR_LITZ_TIMEOUT', text));
    }, timeoutMs);
    this.#waits.add(wait);
    try {
      this.#try(wait);
      await wait.done;
    } finally {
      clearTimeout(timer);
      this.#waits.delete(wait);
    }
  }

  /** Must be called for every event of the device. */
  handleEvent(event: PlaneEvent): void {
    for (const wait of this.#waits) {
      if (event.type === 'up') this.#try(wait);
      else if (event.type === 'session') {
        if (event.state !== 'expired' && keyId(event.peer) === wait.peer) wait.resolve();
      } else if (event.type === 'handshake-failed') {
        if (keyId(event.peer) === wait.peer) this.#try(wait);
      }
    }
  }

  /** Rejects all waits with this error. */
  rejectAll(error: Error): void {
    for (const wait of this.#waits) wait.reject(error);
  }

  #try(wait: Wait): void {
    this.#connect(wait.publicKey).then((isUp) => isUp && wait.resolve(), wait.reject);
  }
}

/** One caller that waits. */
class Wait {
  readonly publicKey: PublicKey;
  readonly peer: string;
  readonly done: Promise<void>;
  resolve!: () => void;
  reject!: (error: Error) => void;

  constructor(publicKey: PublicKey) {
    this.publicKey = publicKey;
    this.peer = keyId(publicKey);
    this.done = new Promise((...functions) => ([this.resolve, this.reject] = functions));
  }
}
