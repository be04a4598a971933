/**
 * `formatStatus`: formats the status of an agent for a terminal. Where `cilium status` shows the
 * same thing, `formatStatus` uses the same words.
 *
 * @module
 */
import { printable } from '@litz/core/internals';
import type { KeyStatus, MeshStatus, NodeStatus, PeerStatus } from './mesh-status.ts';

/** Returns the lines, each with a line end. Ages are counted up to `status.time`. */
export function formatStatus(status: MeshStatus): string {
  const { node, interface: link, registry, time } = status;
  const [key] = node.keys;
  const lines = [
    `Encryption:   ${encryptionLine(status)}`,
    `Node:         ${node.name} ${node.addresses.join(' ')}, pods ${orNone(node.prefixes)}`,
    `Mode:         ${node.mode}${link.mtu === undefined ? '' : `, MTU ${link.mtu}`}`,
    `Enforcement:  ${enforcementLine(status)}`,
    ...plaintextLines(status.peers),
    `Registry:     ${registry.description}${registryState(registry)}`,
    `Daemon:       ${link.isUp ? 'is running' : 'is not there'}`,
    ...(key ? [`Node key:     ${keyLine(key, time)}`] : []),
    ...rotationLines(node),
    ...node.exceptions.map((rule) => `Exception:    ${rule} goes without the tunnel`),
    ...status.troubles.map((trouble) => `Trouble:      ${trouble}`),
    '',
    ...peerTable(status.peers, time),
    '',
    ...SESSION_NOTE,
  ];
  return `${lines.map(printable).join('\n')}\n`;
}

/** Returns the first texts in one line, and how many more there are. */
export function listFirst(texts: readonly string[]): string {
  const shown = texts.slice(0, MOST_SHOWN).join(', ');
  return texts.length > MOST_SHOWN ? `${shown} and ${texts.length - MOST_SHOWN} more` : shown;
}

/**
 * Returns the time from `at` to `now` as `12s`, `4m`, `3h` or `12d`; `never` if `at` is undefined
 * or 0.
 *
 * @param at Unix milliseconds
 * @param now Unix milliseconds
 */
export function formatAge(at: number | undefined, now: number): string {
  if (at === undefined || at === 0) return 'never';
  const seconds = Math.max(0, Math.floor((now - at) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** Returns the text that `cilium status` prints for encryption. */
function encryptionLine({ node, interface: link, peers }: MeshStatus): string {
  const key = node.keys[0]?.publicKey ?? '';
  const accepted = peers.filter(({ state }) => state !== 'refused').length;
  const tunnel = `${link.name} (Pubkey: ${key}, Port: ${link.port}, Peers: ${accepted})`;
  if (node.wantedEnforcement === 'off') return `Disabled [${tunnel}]`;
  return `Wireguard [NodeEncryption: ${NODE_ENCRYPTION[node.nodeEncryption]}, ${tunnel}]`;
}

function registryState({ trouble, syncedAt }: MeshStatus['registry']): string {
  if (trouble !== undefined) return ` (${trouble})`;
  return syncedAt === undefined ? ' (not read yet)' : '';
}

function enforcementLine({ node, peers }: MeshStatus): string {
  const { enforcement, wantedEnforcement } = node;
  if (enforcement === wantedEnforcement) return enforcement;
  const waiting = peers.filter(({ state }) => state === 'waiting').map(({ name }) => name);
  const plaintext = namesOfPlaintext(peers);
  const reasons = [
    ...(waiting.length > 0 || plaintext.length === 0
      ? [`waits for an answer from: ${orNone(waiting)}`]
      : []),
    ...(plaintext.length > 0 ? [`waits until enforcement is on at: ${orNone(plaintext)}`] : []),
  ];
  return `${enforcement} (${wantedEnforcement} is wanted, and ${reasons.join('; ')})`;
}

/** Returns a line that names the peers that encrypt nothing, if there are any. */
function plaintextLines(peers: readonly PeerStatus[]): string[] {
  const names = namesOfPlaintext(peers);
  return names.length > 0 ? [`Plaintext:    from ${orNone(names)}: enforcement is off there`] : [];
}

function namesOfPlaintext(peers: readonly PeerStatus[]): string[] {
  return peers.filter(({ sendsPlaintext }) => sendsPlaintext).map(({ name }) => name);
}

function keyLine({ publicKey, generation, createdAt }: KeyStatus, now: number): string {
  const age = createdAt === 0 ? 'of unknown age' : `made ${formatAge(createdAt, now)} ago`;
  return `${publicKey}, generation ${generation}, ${age}`;
}

function rotationLines({ rotation, keys }: NodeStatus): string[] {
  if (!rotation) return [];
  const next = keys[1];
  const to = next ? ` to generation ${next.generation} (${next.publicKey})` : '';
  const { waitingFor } = rotation;
  const waits = waitingFor.length > 0 ? `, waits for an answer from: ${orNone(waitingFor)}` : '';
  return [`Rotation:     in progress${to}${waits}`];
}

function peerTable(peers: readonly PeerStatus[], now: number): string[] {
  const rows = peers.map((peer) => [
    peer.name,
    peer.endpoint ?? '-',
    sessionAge(peer, now),
    peer.keys[0] && peer.keys[0].createdAt > 0 ? formatAge(peer.keys[0].createdAt, now) : '-',
    peer.keys.map(({ generation }) => generation).join('>') || '-',
    formatBytes(peer.bytesReceived),
    formatBytes(peer.bytesSent),
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

function sessionAge({ state, reason, lastHandshakeAt }: PeerStatus, now: number): string {
  if (state === 'connected') return formatAge(lastHandshakeAt, now);
  return state === 'waiting' ? 'no answer' : `refused: ${reason ?? ''}`;
}

function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length);
  return `${(bytes / 1024 ** power).toFixed(1)} ${UNITS[power - 1]}`;
}

function orNone(texts: readonly string[]): string {
  return texts.length === 0 ? 'none' : listFirst(texts);
}

const NODE_ENCRYPTION = {
  enabled: 'Enabled',
  'opted-out': 'OptedOut',
  disabled: 'Disabled',
} as const;
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
const SESSION_NOTE: readonly string[] = [
  'SESSION AGE is the age of the session keys. They are renewed every two minutes while there is traffic.',
  "KEY AGE is the age of the peer's node key. `litz agent rotate-key` on that node replaces it.",
];
