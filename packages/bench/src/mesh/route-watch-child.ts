/**
 * Tells which routes of the mesh's table come, and when, in the network namespace that it was started in.
 *
 * @module
 */
import { formatCidr } from '@litz/core';
import { Netlink, onReadable, RoutingMonitor } from '@litz/sys';
import { DEFAULT_TABLE } from '@litz/mesh';

/** Routes that are there since `at`. */
export interface RoutesCame {
  /** '10.128.3.0/24' */
  readonly prefixes: readonly string[];
  /** Milliseconds; the same for all processes of a machine. */
  readonly at: number;
}

const netlink = new Netlink();
const monitor = new RoutingMonitor(DEFAULT_TABLE);
onReadable(monitor.fd, () => {
  const at = performance.timeOrigin + performance.now();
  const changes = monitor.read();
  // Thousands at once are more than it keeps.
  const routes = changes
    ? changes.flatMap((change) => (change.type === 'route' && !change.gone ? [change.route] : []))
    : netlink.tableRoutes(DEFAULT_TABLE);
  const prefixes = routes.map(({ destination: address, prefixLength }) =>
    formatCidr({ address, prefixLength }),
  );
  if (prefixes.length > 0) process.send?.({ prefixes, at } satisfies RoutesCame);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ prefixes: [], at: 0 } satisfies RoutesCame);
