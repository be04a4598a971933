/**
 * `Switches`: mode and enforcement, as they were asked for and as they hold.
 *
 * @module
 */
import type { Enforcement } from '../plan/desired-host.ts';
import type { AgentSettings, Choices } from './agent-settings.ts';
import { EnforcementGate } from './enforcement-gate.ts';
import type { KnownPeers } from './known-peers.ts';
import { SavedChoices } from './saved-choices.ts';

/** What somebody asked of the agent can't be done. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
}

export class Switches {
  readonly #saved: SavedChoices;
  readonly #gate: EnforcementGate;
  readonly #hasClusterPrefixes: boolean;

  /** @throws {Error} what was saved can't be read */
  constructor(settings: AgentSettings) {
    const { mode, enforcement, stateFolder, interfaceName, force, clusterPrefixes } = settings;
    this.#saved = new SavedChoices(stateFolder, interfaceName, { mode, enforcement });
    this.#gate = new EnforcementGate(this.#saved.hasEnforced || force);
    this.#hasClusterPrefixes = clusterPrefixes.length > 0;
  }

  /** What is asked for. */
  get chosen(): Choices {
    return this.#saved.current;
  }

  /** `down` took the node out, and nothing was chosen since. */
  get isDown(): boolean {
    return this.#saved.isDown;
  }

  /** The enforcement that holds. */
  holding(peers: Pick<KnownPeers, 'isSynced' | 'haveAllAnswered'>): Enforcement {
    const { isSynced, haveAllAnswered } = peers;
    return this.#gate.effective({ wanted: this.chosen.enforcement, isSynced, haveAllAnswered });
  }

  /**
   * From now on `enforce` holds at once.
   *
   * @throws {AgentError} peers have not answered and would be cut off, or nobody knows what to enforce
   */
  allowEnforce(
    { isSynced, unanswered }: Pick<KnownPeers, 'isSynced' | 'unanswered'>,
    options: { readonly force: boolean },
  ): void {
    if (!this.#hasClusterPrefixes) throw new AgentError(NEEDS_CLUSTER_PREFIX);
    if (!isSynced && !options.force) throw new AgentError(NOT_SYNCED);
    if (unanswered.length > 0 && !options.force) {
      throw new AgentError(
        `enforce is refused: no answer yet from ${unanswered.join(', ')}. ` +
          'Packets to them would be lost; --force does it all the same',
      );
    }
    this.#gate.open();
  }

  /** It is on the disk when this returns. */
  save(chosen: Choices): void {
    this.#saved.save(chosen);
  }

  /** The node is taken out; it is on the disk when this returns. */
  saveDown(): void {
    this.#saved.save({ ...this.chosen, enforcement: 'off' }, { isDown: true });
  }
}

const NEEDS_CLUSTER_PREFIX =
  'enforce has to know which addresses are pods: start the agent with --cluster-prefix CIDR,...';
const NOT_SYNCED =
  'enforce is refused: the registry was not read yet; --force does it all the same';
