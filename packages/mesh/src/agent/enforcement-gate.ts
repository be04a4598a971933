/**
 * `EnforcementGate`: when an `enforce` that was asked for may hold. A peer that has never answered can't
 * be reached any more once nothing leaves but through the tunnel, so it waits for all of them; until
 * then `permissive` holds.
 *
 * @module
 */
import type { Enforcement } from '../plan/desired-host.ts';

export interface GateInput {
  readonly wanted: Enforcement;
  /** The peers were read once. */
  readonly isSynced: boolean;
  /** Every peer has answered. */
  readonly haveAllAnswered: boolean;
}

export class EnforcementGate {
  #isOpen: boolean;

  /** @param isOpen `enforce` holds at once: it did before, or was forced */
  constructor(isOpen: boolean) {
    this.#isOpen = isOpen;
  }

  /** From now on `enforce` waits for nobody. */
  open(): void {
    this.#isOpen = true;
  }

  /** What holds. An `enforce` that held once goes on to hold, whoever comes later. */
  effective({ wanted, isSynced, haveAllAnswered }: GateInput): Enforcement {
    if (wanted !== 'enforce') {
      this.#isOpen = false;
      return wanted;
    }
    if (isSynced && haveAllAnswered) this.#isOpen = true;
    return this.#isOpen ? 'enforce' : 'permissive';
  }
}
