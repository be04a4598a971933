/**
 * `COLUMNS`: the names of the columns of `litz show`, in the order of `wg show`.
 *
 * @module
 */
export const COLUMNS: readonly string[] = [
  'public-key',
  'private-key',
  'listen-port',
  'fwmark',
  'peers',
  'preshared-keys',
  'endpoints',
  'allowed-ips',
  'latest-handshakes',
  'transfer',
  'persistent-keepalive',
  'dump',
];
