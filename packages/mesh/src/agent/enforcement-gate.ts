/**
 * `EnforcementGate`: decides when a requested `enforce` may take effect. Under `enforce`, packets
 * leave only through the tunnel, so a peer that has never answered would become unreachable.
 * Therefore the gate waits until all peers have answered. Until then `permissive` is in effect.
 *
 * @module
 */
import type { Enforcement } from '../plan/desired-host.ts';

export interface GateInput {
  readonly wanted: Enforcement;
  /** The registry was read completely at least once. */
  readonly isSynced: boolean;
  /** Every peer has answered. */
  readonly haveAllAnswered: boolean;
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

  /** Lets `enforce` take effect without waiting for peers. */
  open(): void {
    this.#isOpen = true;
  }

  /**
   * Returns the enforcement that is in effect. Once `enforce` is in effect, it stays, even if a new
   * peer has not answered.
   */
  effective({ wanted, isSynced, haveAllAnswered }: GateInput): Enforcement {
    if (wanted !== 'enforce') {
      this.#isOpen = false;
      return wanted;
    }
    if (isSynced && haveAllAnswered) this.#isOpen = true;
    return this.#isOpen ? 'enforce' : 'permissive';
  }
}
