/**
 * The flags of `litz agent` that have a default, with the values that commander gives them.
 *
 * @module
 */
export const DEFAULT_FLAGS = {
  encrypt: 'pods',
  enforcement: 'permissive',
  interface: 'litz0',
  port: 51_871,
  table: 51_871,
  priority: 900,
  persistentKeepalive: 0,
  rotateTimeout: '10m',
  stateDir: '/var/lib/litz',
  controlDir: '/var/run/litz',
  cniDir: '/etc/cni/net.d',
  format: 'litz',
} as const;
