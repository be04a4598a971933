/**
 * `showColumns`: what `wg show INTERFACE COLUMN` prints for scripts, byte for byte.
 *
 * @module
 */
import { formatCidr, formatEndpoint, type DevicePeerStatus, type DeviceStatus } from '@litz/config';
import { formatKey } from '@litz/core';
import { publicKeyOfStatus } from './public-key.ts';

/**
 * Returns the lines, each with a line feed.
 *
 * @param prefix in front of each line: empty, or the name of the interface and a tab
 * @returns undefined if there is no such column
 */
export function showColumns(
  column: string,
  status: DeviceStatus,
  prefix: string,
): string | undefined {
  const ofPeer = PEER_COLUMNS.get(column);
  const lines =
    column === 'dump'
      ? [deviceLine(status), ...status.peers.map(peerLine)]
      : ((ofPeer &&
          status.peers.map((peer) => [formatKey(peer.publicKey), ...ofPeer(peer)].join('\t'))) ??
        DEVICE_COLUMNS.get(column)?.(status));
  return lines?.map((line) => `${prefix}${line}\n`).join('');
}

function deviceLine(status: DeviceStatus): string {
  const values = ['private-key', 'public-key', 'listen-port', 'fwmark'];
  return values.flatMap((column) => DEVICE_COLUMNS.get(column)!(status)).join('\t');
}

function peerLine(peer: DevicePeerStatus): string {
  return [
    formatKey(peer.publicKey),
    keyOrNone(peer.presharedKey),
    endpointOf(peer),
    prefixesOf(peer, ','),
    String(secondsOf(peer)),
    String(peer.receivedBytes),
    String(peer.sentBytes),
    keepaliveOf(peer),
  ].join('\t');
}

function keyOrNone(key: Uint8Array | undefined): string {
  return key ? Buffer.from(key).toString('base64') : NONE;
}

function endpointOf({ endpoint }: DevicePeerStatus): string {
  return endpoint ? formatEndpoint(endpoint) : NONE;
}

function prefixesOf({ allowedIps }: DevicePeerStatus, separator: string): string {
  return allowedIps.map((prefix) => formatCidr(prefix)).join(separator) || NONE;
}

function secondsOf({ lastHandshakeUnixMs }: DevicePeerStatus): number {
  return Math.floor(lastHandshakeUnixMs / 1000);
}

function keepaliveOf({ persistentKeepalive }: DevicePeerStatus): string {
  return persistentKeepalive === 0 ? 'off' : String(persistentKeepalive);
}

const NONE = '(none)';

const DEVICE_COLUMNS: ReadonlyMap<string, (status: DeviceStatus) => string[]> = new Map<
  string,
  (status: DeviceStatus) => string[]
>([
  ['public-key', (status) => [publicKeyOfStatus(status) ?? NONE]],
  ['private-key', ({ privateKey }) => [keyOrNone(privateKey)]],
  ['listen-port', ({ listenPort }) => [String(listenPort)]],
  ['fwmark', ({ fwmark }) => [fwmark === 0 ? 'off' : `0x${fwmark.toString(16)}`]],
]);

const PEER_COLUMNS: ReadonlyMap<string, (peer: DevicePeerStatus) => string[]> = new Map<
  string,
  (peer: DevicePeerStatus) => string[]
>([
  ['peers', () => []],
  ['preshared-keys', ({ presharedKey }) => [keyOrNone(presharedKey)]],
  ['endpoints', (peer) => [endpointOf(peer)]],
  ['allowed-ips', (peer) => [prefixesOf(peer, ' ')]],
  ['latest-handshakes', (peer) => [String(secondsOf(peer))]],
  ['transfer', ({ receivedBytes, sentBytes }) => [String(receivedBytes), String(sentBytes)]],
  ['persistent-keepalive', (peer) => [keepaliveOf(peer)]],
]);
