/**
 * `closeAsBefore`: enforces at the start of an agent what the previous agent enforced. It needs
 * neither the registry nor Kubernetes. So a node that boots while these cannot be reached sends no
 * packet of a pod in plaintext.
 *
 * @module
 */
import type { MeshHost } from '../host/mesh-host.ts';
import { desireHost } from '../plan/desire-host.ts';
import type { AgentSettings, Choices } from './agent-settings.ts';
import { EnforcedState, type EnforcedRequest } from './enforced-state.ts';
import { SavedChoices } from './saved-choices.ts';

/** Where the stored state is, and the flags that it must match. */
export interface StoredStateOptions {
  /** The agent's state directory. */
  readonly stateFolder: string;
  readonly interfaceName: string;
  /** The choices from the command-line flags. */
  readonly choices: Choices;
}

/**
 * Returns what the previous agent enforced. Undefined if the node must not enforce now, if it did
 * not enforce before, if it enforced in another mode, or if the stored state cannot be used.
 *
 * @throws {SavedChoicesError} the saved choices cannot be read
 */
export function enforcedBefore(options: StoredStateOptions): EnforcedRequest | undefined {
  const { stateFolder, interfaceName, choices } = options;
  const saved = new SavedChoices(stateFolder, interfaceName, choices);
  if (!saved.hasEnforced || saved.current.enforcement !== 'enforce') return undefined;
  const request = new EnforcedState(stateFolder, interfaceName).read();
  return request?.mode === saved.current.mode ? request : undefined;
}

/**
 * Adds the routes, rules and filters that stop plaintext. No route, rule or filter is removed,
 * because it may belong to a peer that is not known yet.
 *
 * @returns one sentence for each step that failed
 * @throws {MeshHostError} the machine cannot enforce
 */
export async function closeAsBefore(
  host: Pick<MeshHost, 'apply' | 'underlay'>,
  settings: Pick<AgentSettings, 'interfaceName' | 'table' | 'priority'>,
  request: EnforcedRequest,
): Promise<readonly string[]> {
  const { interfaceName } = settings;
  const underlay = await host.underlay({ interfaceName, nodeAddresses: request.own.addresses });
  const desired = desireHost({
    ...request,
    ...settings,
    enforcement: 'enforce',
    peers: [],
    answered: new Set(),
    underlay,
  });
  const { troubles } = await host.apply({ ...desired, isPartial: true });
  return troubles;
}
