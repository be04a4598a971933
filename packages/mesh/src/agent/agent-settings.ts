/**
 * `AgentSettings`: how an agent is told to run. Plain values; the command line makes them.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { EncryptMode, Enforcement } from '../plan/desired-host.ts';

export interface AgentSettings {
  /** As the registry is to know this node. */
  readonly node: string;
  /** Of the underlay, as text, at most one of each family, the preferred one first. */
  readonly addresses: readonly string[];
  readonly interfaceName: string;
  /** UDP port of the data plane. */
  readonly port: number;
  readonly mode: EncryptMode;
  readonly enforcement: Enforcement;
  /** `enforce` doesn't wait for peers that haven't answered. */
  readonly force: boolean;
  /** All prefixes that pods of any node may have. */
  readonly clusterPrefixes: readonly Readonly<Cidr>[];
  /** Of the services; no node may have them. */
  readonly servicePrefixes: readonly Readonly<Cidr>[];
  /** All addresses of nodes lie in these; none: they may lie anywhere. */
  readonly nodePrefixes: readonly Readonly<Cidr>[];
  /** Seconds; 0: none but until a peer has answered. */
  readonly persistentKeepalive: number;
  /** A new key after so long; undefined: when somebody asks for one. */
  readonly rotateEveryMs: number | undefined;
  /** For so long a rotation waits for peers that don't answer the new key. */
  readonly rotateTimeoutMs: number;
  /** False where a label opts the node out of the mode `nodes`. */
  readonly encryptsNode: boolean;
  /** '/var/lib/litz' */
  readonly stateFolder: string;
}

/** What can be switched while the agent runs. */
export interface Choices {
  readonly mode: EncryptMode;
  readonly enforcement: Enforcement;
}

export const ENCRYPT_MODES: readonly EncryptMode[] = ['pods', 'nodes', 'all'];
export const ENFORCEMENTS: readonly Enforcement[] = ['off', 'permissive', 'enforce'];
