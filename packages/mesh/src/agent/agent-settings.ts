/**
 * `AgentSettings`: the settings of an agent as plain values. The command line creates them.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { EncryptMode, Enforcement } from '../plan/desired-host.ts';

/** The settings of an agent. The command line of `litz agent` makes them from its flags. */
export interface AgentSettings {
  /** The name of this node in the registry. */
  readonly node: string;
  /**
   * The underlay addresses of this node as text: at most one per family, the preferred one first.
   */
  readonly addresses: readonly string[];
  readonly interfaceName: string;
  /** The UDP port on which the daemon receives. */
  readonly port: number;
  /** Number of the mesh's routing table, the same as in `LinuxHostOptions`. Default: 51871. */
  readonly table?: number;
  /** Priority of the mesh's routing rules, the same as in `LinuxHostOptions`. Default: 900. */
  readonly priority?: number;
  readonly mode: EncryptMode;
  readonly enforcement: Enforcement;
  /** True: `enforce` takes effect even if some peers have not answered. */
  readonly force: boolean;
  /** The prefixes that contain the pods of all nodes. */
  readonly clusterPrefixes: readonly Readonly<Cidr>[];
  /** The prefixes of the services. No node may claim addresses in them. */
  readonly servicePrefixes: readonly Readonly<Cidr>[];
  /** The prefixes that contain the addresses of all nodes. Empty: the addresses may be anywhere. */
  readonly nodePrefixes: readonly Readonly<Cidr>[];
  /** In seconds. 0: keepalives are only sent until a peer has answered. */
  readonly persistentKeepalive: number;
  /**
   * In milliseconds. The node replaces its key when the key is older than this. Undefined: only on
   * request.
   */
  readonly rotateEveryMs: number | undefined;
  /** In milliseconds. How long a rotation waits for peers that do not answer the new key. */
  readonly rotateTimeoutMs: number;
  /** False if `--opt-out` or a label of the node excludes this node from the mode `nodes`. */
  readonly encryptsNode: boolean;
  /** The directory for keys and saved settings, for example '/var/lib/litz'. */
  readonly stateFolder: string;
}

/** The settings that can be changed while the agent runs. */
export interface Choices {
  readonly mode: EncryptMode;
  readonly enforcement: Enforcement;
}

/** All modes, from the one that encrypts least to the one that encrypts most. */
export const ENCRYPT_MODES: readonly EncryptMode[] = ['pods', 'nodes', 'all'];
/** All enforcements, from the weakest to the strictest. */
export const ENFORCEMENTS: readonly Enforcement[] = ['off', 'permissive', 'enforce'];
