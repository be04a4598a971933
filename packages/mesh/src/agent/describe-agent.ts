/**
 * `describeAgent`: turns an agent's snapshot into the status that the commands, the status page and
 * the metrics show.
 *
 * @module
 */
import { formatCidr, formatEndpoint } from '@litz/core';
import { keyId } from '@litz/core/internals';
import type { MeshPeer } from '../membership/mesh-peer.ts';
import type { EncryptMode } from '../plan/desired-host.ts';
import type { NodeKey } from '../record/node-record.ts';
import type {
  KeyStatus,
  MeshStatus,
  NodeStatus,
  PeerStatus,
  RotationStatus,
} from '../status/mesh-status.ts';
import type { AgentSettings } from './agent-settings.ts';
import type { AgentView } from './agent-view.ts';

export function describeAgent(view: AgentView): MeshStatus {
  const { settings, registry } = view;
  const refusedOnly = [...view.refused].filter(([name]) => !view.peers.has(name));
  const peers = [
    ...[...view.peers.values()].map((peer) => describePeer(view, peer)),
    ...refusedOnly.map(([name, reason]) => refusedPeer(name, reason)),
  ];
  return {
    version: 1,
    time: view.time,
    startedAt: view.startedAt,
    node: describeNode(view),
    interface: {
      name: settings.interfaceName,
      port: settings.port,
      isUp: view.isUp,
      mtu: view.mtu,
      addresses: view.addresses,
    },
    registry: {
      description: registry.description,
      trouble: registry.trouble,
      syncedAt: view.syncedAt,
    },
    peers: peers.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    events: view.events,
    troubles: view.troubles,
  };
}

function describeNode(view: AgentView): NodeStatus {
  const { settings, chosen, keys } = view;
  return {
    name: settings.node,
    addresses: settings.addresses,
    prefixes: view.prefixes.map(formatCidr),
    clusterPrefixes: settings.clusterPrefixes.map(formatCidr),
    mode: chosen.mode,
    enforcement: view.enforcement,
    wantedEnforcement: chosen.enforcement,
    nodeEncryption: nodeEncryption(chosen.mode, settings),
    keys: keys.map(describeKey),
    rotation: rotationOf(keys, view.waitsFor),
    exceptions: view.exceptions,
  };
}

function nodeEncryption(
  mode: EncryptMode,
  { encryptsNode }: AgentSettings,
): NodeStatus['nodeEncryption'] {
  if (mode === 'pods') return 'disabled';
  return mode === 'all' || encryptsNode ? 'enabled' : 'opted-out';
}

function rotationOf(
  [, next]: readonly NodeKey[],
  waitingFor: readonly string[],
): RotationStatus | undefined {
  if (!next) return undefined;
  const step =
    waitingFor.length > 0
      ? 'waiting for peers to answer the new key'
      : 'removing the old key from the record';
  return { startedAt: next.createdAt, step, waitingFor };
}

function describePeer(view: AgentView, peer: MeshPeer): PeerStatus {
  const { name } = peer;
  const counters = peer.keys
    .map(({ publicKey }) => view.counters.get(keyId(publicKey)))
    .find((found) => found !== undefined);
  const session = view.sessionOf(name);
  const isConnected = view.hasAnswered(name);
  const reasons = [
    view.refused.get(name) ?? (isConnected ? undefined : 'no answer yet'),
    peer.sendsPlaintext ? 'its enforcement is off' : undefined,
  ].filter((reason) => reason !== undefined);
  const lastHandshakeAt = Math.round(
    counters?.lastHandshakeUnixMs ?? session?.lastHandshakeUnixMs ?? 0,
  );
  return {
    name,
    state: isConnected ? 'connected' : 'waiting',
    reason: reasons.length > 0 ? reasons.join('; ') : undefined,
    isListed: !view.expired.has(name),
    endpoint: formatEndpoint(counters?.endpoint ?? peer.endpoint),
    addresses: peer.addresses,
    prefixes: peer.prefixes.map(formatCidr),
    encryptsNode: peer.encryptsNode,
    sendsPlaintext: peer.sendsPlaintext,
    lastHandshakeAt: lastHandshakeAt > 0 ? lastHandshakeAt : undefined,
    sessionKey: session?.sessionStaticKeys?.peer.toBase64(),
    bytesReceived: counters?.receivedBytes ?? 0,
    bytesSent: counters?.sentBytes ?? 0,
    keys: peer.keys.map(describeKey),
  };
}

/** Returns the status of a node that is not a peer, because its record is refused. */
function refusedPeer(name: string, reason: string): PeerStatus {
  return {
    name,
    state: 'refused',
    reason,
    isListed: true,
    endpoint: undefined,
    addresses: [],
    prefixes: [],
    encryptsNode: false,
    sendsPlaintext: false,
    lastHandshakeAt: undefined,
    sessionKey: undefined,
    bytesReceived: 0,
    bytesSent: 0,
    keys: [],
  };
}

function describeKey({ publicKey, generation, createdAt }: NodeKey): KeyStatus {
  return { publicKey: publicKey.toBase64(), generation, createdAt };
}
