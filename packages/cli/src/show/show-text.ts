/**
 * `showText`: what `wg show` prints about an interface, byte for byte, and lines with what only a
 * daemon of Litz reports.
 *
 * @module
 */
import {
  formatAddress,
  formatEndpoint,
  type DevicePeerStatus,
  type DeviceStatus,
} from '@litz/config';
import { formatKey, type DropReason } from '@litz/core';
import { dropText } from '../device-log.ts';
import { publicKeyOfStatus } from './public-key.ts';
import { handshakeProblem } from './handshake-problem.ts';

export interface ShowTextOptions {
  /** Unix time in seconds. */
  readonly nowS: number;
  readonly colors: boolean;
  /** Whether private and preshared keys are shown. */
  readonly showsKeys: boolean;
}

/** Returns the text, with a line feed at its end. */
export function showText(name: string, status: DeviceStatus, options: ShowTextOptions): string {
  const lines = [
    `${RESET}${GREEN}${BOLD}interface${RESET}: ${GREEN}${name}${RESET}`,
    ...interfaceLines(status, options),
  ];
  const blocks = [lines, ...sorted(status.peers).map((peer) => peerLines(peer, status, options))];
  const text = `${blocks.map((block) => block.join('\n')).join('\n\n')}\n`;
  return options.colors ? text : withoutColors(text);
}

/** Returns the text without the codes for colours. */
export function withoutColors(text: string): string {
  // oxlint-disable-next-line no-control-regex -- the code of a colour begins with it
  return text.replaceAll(/\x1b\[\d*m/g, '');
}

function interfaceLines(status: DeviceStatus, options: ShowTextOptions): string[] {
  const { privateKey, listenPort, fwmark, details } = status;
  const lines: string[] = [];
  const key = publicKeyOfStatus(status);
  if (key) lines.push(field('public key', key));
  if (privateKey) lines.push(field('private key', masked(privateKey, options)));
  if (listenPort !== 0) lines.push(field('listening port', String(listenPort)));
  if (fwmark !== 0) lines.push(field('fwmark', `0x${fwmark.toString(16)}`));
  if (!details) return lines;
  const { provider, providerReason, offloads, threads, priority, drops } = details;
  lines.push(field('provider', `${provider} (${providerReason})`));
  lines.push(field('offloads', offloads.length === 0 ? '(none)' : offloads.join(', ')));
  lines.push(field('threads', String(threads)), field('priority', priority));
  lines.push(...dropLines(drops));
  return lines;
}

function peerLines(
  peer: DevicePeerStatus,
  status: DeviceStatus,
  options: ShowTextOptions,
): string[] {
  const { presharedKey, endpoint, lastHandshakeUnixMs, receivedBytes, sentBytes } = peer;
  const lines = [`${YELLOW}${BOLD}peer${RESET}: ${YELLOW}${formatKey(peer.publicKey)}${RESET}`];
  if (presharedKey) lines.push(field('preshared key', masked(presharedKey, options)));
  if (endpoint) lines.push(field('endpoint', formatEndpoint(endpoint)));
  if (peer.endpointName !== undefined) lines.push(field('endpoint name', peer.endpointName));
  const prefixes = peer.allowedIps.map(
    ({ address, prefixLength }) => `${formatAddress(address)}${CYAN}/${RESET}${prefixLength}`,
  );
  lines.push(field('allowed ips', prefixes.length === 0 ? '(none)' : prefixes.join(', ')));
  const handshakeS = Math.floor(lastHandshakeUnixMs / 1000);
  if (handshakeS > 0) lines.push(field('latest handshake', ago(options.nowS - handshakeS)));
  if (receivedBytes > 0 || sentBytes > 0) {
    lines.push(field('transfer', `${size(receivedBytes)} received, ${size(sentBytes)} sent`));
  }
  if (peer.persistentKeepalive > 0) {
    lines.push(field('persistent keepalive', `every ${duration(peer.persistentKeepalive)}`));
  }
  const problem = handshakeProblem(peer, status);
  if (problem !== undefined) lines.push(field('handshake', `${RED}${problem}${RESET}`));
  return [...lines, ...dropLines(peer.drops ?? {})];
}

/** The peers in the order of `wg`: the latest handshake first. */
function sorted(peers: readonly DevicePeerStatus[]): DevicePeerStatus[] {
  return peers.toSorted((a, b) => b.lastHandshakeUnixMs - a.lastHandshakeUnixMs);
}

function dropLines(drops: Partial<Record<DropReason, number>>): string[] {
  return Object.entries(drops).map(([reason, count]) =>
    field('dropped', `${count} ${CYAN}${reason}${RESET}: ${dropText(reason as DropReason)}`),
  );
}

function field(name: string, value: string): string {
  return `  ${BOLD}${name}${RESET}: ${value}`;
}

function masked(key: Uint8Array, { showsKeys }: ShowTextOptions): string {
  return showsKeys ? Buffer.from(key).toString('base64') : '(hidden)';
}

function ago(seconds: number): string {
  if (seconds === 0) return 'Now';
  if (seconds > 0) return `${duration(seconds)} ago`;
  return `(${RED}System clock wound backward; connection problems may ensue.${RESET})`;
}

function duration(total: number): string {
  let left = total;
  const parts: string[] = [];
  for (const [unit, seconds] of UNITS) {
    const count = Math.floor(left / seconds);
    left %= seconds;
    if (count > 0) parts.push(`${count} ${CYAN}${unit}${count === 1 ? '' : 's'}${RESET}`);
  }
  return parts.join(', ');
}

function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} ${CYAN}B${RESET}`;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), SIZES.length);
  return `${(bytes / 1024 ** power).toFixed(2)} ${CYAN}${SIZES[power - 1]}${RESET}`;
}

const RESET = '\x1b[0m';
const BOLD = '\x1b[1m';
const RED = '\x1b[31m';
const GREEN = '\x1b[32m';
const YELLOW = '\x1b[33m';
const CYAN = '\x1b[36m';
const SIZES = ['KiB', 'MiB', 'GiB', 'TiB'];
const UNITS: readonly (readonly [unit: string, seconds: number])[] = [
  ['year', 31_536_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];
