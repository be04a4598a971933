/**
 * `AgentStatus`: what an agent tells of itself, and its words for a person. They are those of
 * `cilium status` where that has some.
 *
 * @module
 */
import type { EncryptMode, Enforcement } from '../plan/desired-host.ts';
import type { AgentEvent } from './event-log.ts';

/** Plain data, as it goes over the socket. Times are Unix time in milliseconds, 0 for never. */
export interface AgentStatus {
  readonly node: string;
  readonly interfaceName: string;
  readonly port: number;
  readonly addresses: readonly string[];
  readonly prefixes: readonly string[];
  readonly mode: EncryptMode;
  /** What holds now. */
  readonly enforcement: Enforcement;
  /** What was asked for. */
  readonly wantedEnforcement: Enforcement;
  /** Peers that `enforce` waits for. */
  readonly unanswered: readonly string[];
  readonly nodeEncryption: 'Enabled' | 'OptedOut' | 'Disabled';
  readonly keys: readonly KeyStatus[];
  /** While a rotation goes on: who hasn't answered the new key. */
  readonly rotation: { readonly waitsFor: readonly string[] } | undefined;
  readonly registry: string;
  readonly isSynced: boolean;
  readonly daemonUp: boolean;
  readonly mtu: number | undefined;
  /** Rules that lead past the tunnel, as `ip rule` writes them. */
  readonly exceptions: readonly string[];
  readonly troubles: readonly string[];
  readonly peers: readonly PeerStatus[];
  readonly events: readonly AgentEvent[];
}

export interface KeyStatus {
  readonly publicKey: string;
  readonly generation: number;
  readonly createdAt: number;
}

export interface PeerStatus {
  readonly name: string;
  readonly keys: readonly KeyStatus[];
  /** Where the daemon reaches it; undefined while it has no such peer. */
  readonly endpoint: string | undefined;
  readonly hasAnswered: boolean;
  readonly lastHandshakeAt: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly prefixes: readonly string[];
}

/** For a terminal, with a line end behind each line. */
export function formatStatus(status: AgentStatus, now: number): string {
  const [key] = status.keys;
  const lines = [
    `Encryption:   ${encryptionLine(status)}`,
    `Node:         ${status.node} ${status.addresses.join(' ')}, pods ${orNone(status.prefixes)}`,
    `Mode:         ${status.mode}${status.mtu === undefined ? '' : `, MTU ${status.mtu}`}`,
    `Enforcement:  ${enforcementLine(status)}`,
    `Registry:     ${status.registry}${status.isSynced ? '' : ' (not read yet)'}`,
    `Daemon:       ${status.daemonUp ? 'runs' : 'is not there'}`,
    ...(key ? [`Node key:     ${keyLine(key, now)}`] : []),
    ...rotationLines(status),
    ...status.exceptions.map((rule) => `Past tunnel:  ${rule}`),
    ...status.troubles.map((trouble) => `Trouble:      ${trouble}`),
    '',
    ...peerTable(status.peers, now),
    '',
    SESSION_NOTE,
  ];
  return `${lines.join('\n')}\n`;
}

/** As `cilium status` has it. */
export function encryptionLine(status: AgentStatus): string {
  const { interfaceName, port, peers, nodeEncryption, keys } = status;
  const key = keys[0]?.publicKey ?? '';
  const tunnel = `${interfaceName} (Pubkey: ${key}, Port: ${port}, Peers: ${peers.length})`;
  if (status.wantedEnforcement === 'off') return `Disabled [${tunnel}]`;
  return `Wireguard [NodeEncryption: ${nodeEncryption}, ${tunnel}]`;
}

/** `12s`, `4m`, `3h`, `12d`; `never`. */
export function formatAge(at: number, now: number): string {
  if (at === 0) return 'never';
  const seconds = Math.max(0, Math.floor((now - at) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

function enforcementLine(status: AgentStatus): string {
  const { enforcement, wantedEnforcement, unanswered } = status;
  if (enforcement === wantedEnforcement) return enforcement;
  return `${enforcement} (${wantedEnforcement} waits for ${orNone(unanswered)})`;
}

function keyLine({ publicKey, generation, createdAt }: KeyStatus, now: number): string {
  const age = createdAt === 0 ? 'of unknown age' : `made ${formatAge(createdAt, now)} ago`;
  return `${publicKey}, generation ${generation}, ${age}`;
}

function rotationLines({ rotation, keys }: AgentStatus): string[] {
  if (!rotation) return [];
  const next = keys[1];
  const to = next ? ` to generation ${next.generation} (${next.publicKey})` : '';
  const { waitsFor } = rotation;
  const waits = waitsFor.length > 0 ? `, waits for ${orNone(waitsFor)}` : '';
  return [`Rotation:     goes on${to}${waits}`];
}

function peerTable(peers: readonly PeerStatus[], now: number): string[] {
  const rows = peers.map((peer) => [
    peer.name,
    peer.endpoint ?? '-',
    peer.hasAnswered ? formatAge(peer.lastHandshakeAt, now) : 'no answer',
    peer.keys[0] && peer.keys[0].createdAt > 0 ? formatAge(peer.keys[0].createdAt, now) : '-',
    peer.keys.map(({ generation }) => generation).join('>'),
    formatBytes(peer.receivedBytes),
    formatBytes(peer.sentBytes),
    orNone(peer.prefixes),
  ]);
  const all = [PEER_COLUMNS, ...rows];
  const widths = PEER_COLUMNS.map((_, column) =>
    Math.max(...all.map((row) => row[column]!.length)),
  );
  return all.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length);
  return `${(bytes / 1024 ** power).toFixed(1)} ${UNITS[power - 1]}`;
}

function orNone(texts: readonly string[]): string {
  if (texts.length === 0) return 'none';
  const shown = texts.slice(0, MOST_SHOWN).join(', ');
  return texts.length > MOST_SHOWN ? `${shown} and ${texts.length - MOST_SHOWN} more` : shown;
}

const PEER_COLUMNS: readonly string[] = [
  'PEER',
  'ENDPOINT',
  'SESSION AGE',
  'KEY AGE',
  'GENERATION',
  'RECEIVED',
  'SENT',
  'PREFIXES',
];
const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const MOST_SHOWN = 8;
const SESSION_NOTE =
  'SESSION AGE is that of the session keys, which are renewed every two minutes while there is traffic.\n' +
  "KEY AGE is that of the node's own key, which `litz agent rotate-key` replaces.";
