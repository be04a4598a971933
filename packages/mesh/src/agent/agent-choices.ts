/**
 * `AgentChoices`: the requested mode and enforcement, and the enforcement that is in effect.
 *
 * @module
 */
import type { Enforcement } from '../plan/desired-host.ts';
import type { AgentSettings, Choices } from './agent-settings.ts';
import { EnforcementGate } from './enforcement-gate.ts';
import type { KnownPeers } from './known-peers.ts';
import { SavedChoices } from './saved-choices.ts';

/** The agent cannot carry out a request. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
}

export class AgentChoices {
  readonly #saved: SavedChoices;
  readonly #gate: EnforcementGate;
  readonly #hasClusterPrefixes: boolean;

  /** @throws {SavedChoicesError} the saved choices cannot be read */
  constructor(settings: AgentSettings) {
    const { mode, enforcement, stateFolder, interfaceName, force, clusterPrefixes } = settings;
    this.#saved = new SavedChoices(stateFolder, interfaceName, { mode, enforcement });
    this.#gate = new EnforcementGate(this.#saved.hasEnforced || force);
    this.#hasClusterPrefixes = clusterPrefixes.length > 0;
  }

  /** The requested mode and enforcement. */
  get chosen(): Choices {
    return this.#saved.current;
  }

  /** True if `down` removed the node from the mesh and no choice was made since. */
  get isDown(): boolean {
    return this.#saved.isDown;
  }

  /** Returns the enforcement that is in effect. */
  effectiveEnforcement(peers: Pick<KnownPeers, 'isSynced' | 'areAllReady'>): Enforcement {
    const { isSynced, areAllReady } = peers;
    return this.#gate.effective({ wanted: this.chosen.enforcement, isSynced, areAllReady });
  }

  /**
   * Lets `enforce` take effect at once.
   *
   * @throws {AgentError} the cluster's prefixes are not known. Without `force`, also if the
   *   registry was not read, if a peer has not answered, or if the enforcement of a peer is off
   */
  allowEnforce(
    peers: Pick<KnownPeers, 'isSynced' | 'unanswered' | 'sendingPlaintext'>,
    options: { readonly force: boolean },
  ): void {
    if (!this.#hasClusterPrefixes) throw new AgentError(NEEDS_CLUSTER_PREFIX);
    if (!peers.isSynced && !options.force) throw new AgentError(NOT_SYNCED);
    const missing = missingOf(peers);
    if (missing.length > 0 && !options.force) {
      throw new AgentError(
        `enforce is refused: ${missing.join('; ')}. ` +
          'Packets to or from these nodes would be lost; use --force to enforce anyway',
      );
    }
    this.#gate.open();
  }

  /**
   * Stores the choices. They are on the disk when this returns.
   *
   * @throws {SavedChoicesError} the file cannot be written
   */
  save(chosen: Choices): void {
    const isWaiting = chosen.enforcement === 'enforce' && !this.#gate.isOpen;
    this.#saved.save(chosen, { isWaiting });
  }

  /**
   * Stores that the node has left the mesh. This is on the disk when this returns.
   *
   * @throws {SavedChoicesError} the file cannot be written
   */
  saveDown(): void {
    this.#saved.save({ ...this.chosen, enforcement: 'off' }, { isDown: true });
  }
}

/**
 * Returns the reasons why `enforce` would cut off peers. Each text has the names of these peers.
 */
function missingOf({
  unanswered,
  sendingPlaintext,
}: Pick<KnownPeers, 'unanswered' | 'sendingPlaintext'>): string[] {
  return [
    ...(unanswered.length > 0 ? [`no answer yet from ${unanswered.join(', ')}`] : []),
    ...(sendingPlaintext.length > 0
      ? [`enforcement is off on ${sendingPlaintext.join(', ')}`]
      : []),
  ];
}

const NEEDS_CLUSTER_PREFIX =
  'enforce needs the prefixes of all pods: start the agent with --cluster-prefix CIDR,...';
const NOT_SYNCED =
  'enforce is refused: the registry was not read yet; use --force to enforce anyway';
