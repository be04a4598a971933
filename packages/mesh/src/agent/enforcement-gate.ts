/**
 * `EnforcementGate`: decides when a requested `enforce` may take effect. Under `enforce`, packets
 * leave only through the tunnel, so a peer that has never answered would become unreachable. And
 * plaintext is dropped, so the packets of a peer whose enforcement is `off` would be lost, although
 * it answers. Therefore the gate waits until all peers have answered and encrypt. Until then
 * `permissive` is in effect.
 *
 * @module
 */
import type { Enforcement } from '../plan/desired-host.ts';

export interface GateInput {
  readonly wanted: Enforcement;
  /** The registry was read completely at least once. */
  readonly isSynced: boolean;
  /** Every peer has answered and encrypts what it sends. */
  readonly areAllReady: boolean;
}

export class EnforcementGate {
  #isOpen: boolean;

  /**
   * @param isOpen true: `enforce` takes effect at once, because it was in effect before or was
   *   forced
   */
  constructor(isOpen: boolean) {
    this.#isOpen = isOpen;
  }

  /** Whether `enforce` is in effect as soon as it is wanted. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Lets `enforce` take effect without waiting for peers. */
  open(): void {
    this.#isOpen = true;
  }

  /**
   * Returns the enforcement that is in effect. Once `enforce` is in effect, it stays in effect
   * while it is wanted, even if a new peer has not answered, or if the enforcement of a peer is set
   * to `off`.
   */
  effective({ wanted, isSynced, areAllReady }: GateInput): Enforcement {
    if (wanted !== 'enforce') {
      this.#isOpen = false;
      return wanted;
    }
    if (isSynced && areAllReady) this.#isOpen = true;
    return this.#isOpen ? 'enforce' : 'permissive';
  }
}
