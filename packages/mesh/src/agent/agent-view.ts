/**
 * `AgentView`: a snapshot of everything that `describeAgent` needs.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import { keyId } from '@litz/core/internals';
import type { DevicePeerStatus } from '@litz/config';
import type { TunnelDaemon } from '../daemon/tunnel-daemon.ts';
import type { MeshPeer } from '../membership/mesh-peer.ts';
import type { Enforcement } from '../plan/desired-host.ts';
import type { NodeKey } from '../record/node-record.ts';
import type { StatusEvent } from '../status/mesh-status.ts';
import type { AgentSettings, Choices } from './agent-settings.ts';
import type { SessionState } from './peer-sessions.ts';
import type { RoundParts } from './round-parts.ts';

export interface AgentView {
  readonly settings: AgentSettings;
  readonly time: number;
  readonly startedAt: number;
  readonly prefixes: readonly Readonly<Cidr>[];
  readonly chosen: Choices;
  /** The enforcement that is in effect now. */
  readonly enforcement: Enforcement;
  readonly keys: readonly NodeKey[];
  /** The names of the peers that have not answered the new key. Empty without a rotation. */
  readonly waitsFor: readonly string[];
  readonly exceptions: readonly string[];
  readonly mtu: number | undefined;
  readonly addresses: readonly string[];
  readonly isUp: boolean;
  readonly registry: { readonly description: string; readonly trouble: string | undefined };
  readonly syncedAt: number | undefined;
  readonly peers: ReadonlyMap<string, MeshPeer>;
  /** The reason for each refused record, by node name. */
  readonly refused: ReadonlyMap<string, string>;
  /** The names of the peers whose record has expired. */
  readonly expired: ReadonlySet<string>;
  readonly hasAnswered: (name: string) => boolean;
  readonly sessionOf: (name: string) => SessionState | undefined;
  /** The daemon's status of each peer, by `keyId`. */
  readonly counters: ReadonlyMap<string, DevicePeerStatus>;
  readonly events: readonly StatusEvent[];
  readonly troubles: readonly string[];
}

/** Collects a snapshot from the parts of an agent. Requests the counters from the daemon. */
export async function viewOf(
  parts: RoundParts,
): Promise<Omit<AgentView, 'time' | 'startedAt' | 'waitsFor' | 'registry'>> {
  const { settings, events, choices, keys, peers, nodeFacts, daemon, machine } = parts;
  const counters = await countersOf(daemon);
  const { mtu, addresses, exceptions } = machine.applied;
  const { all, refused, expired, sessions, syncedAt } = peers;
  return {
    settings,
    prefixes: nodeFacts.prefixes ?? [],
    chosen: choices.chosen,
    enforcement: choices.effectiveEnforcement(peers),
    keys: keys.keys,
    exceptions,
    mtu,
    addresses,
    isUp: daemon.isUp,
    syncedAt,
    peers: all,
    refused,
    expired,
    hasAnswered: (name) => sessions.hasAnswered(name),
    sessionOf: (name) => sessions.stateOf(name),
    counters,
    events: events.events,
    troubles: events.troubles,
  };
}

/** Returns the daemon's status of each peer by `keyId`. Empty if the daemon does not answer. */
async function countersOf(daemon: TunnelDaemon): Promise<ReadonlyMap<string, DevicePeerStatus>> {
  if (!daemon.isUp) return new Map();
  try {
    const { peers } = await daemon.status();
    return new Map(peers.map((peer) => [keyId(peer.publicKey), peer]));
  } catch {
    // The daemon has just ended. `TunnelDaemon` reports that.
    return new Map();
  }
}
