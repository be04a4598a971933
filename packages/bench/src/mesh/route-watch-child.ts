/**
 * Watches the routing table of the mesh in the network namespace in which it was started. It sends
 * its parent the new routes and the times at which they were added. The first message has no
 * routes: it says that the program is watching.
 *
 * @module
 */
import { formatCidr } from '@litz/core';
import { Netlink, onReadable, RoutingMonitor } from '@litz/sys';
import { DEFAULT_TABLE } from '@litz/mesh';

/** Routes that were added at `at`. */
export interface RoutesAdded {
  /** The prefixes of the routes, such as '10.128.3.0/24'. */
  readonly prefixes: readonly string[];
  /** The time in ms. The clock is the same for all processes of a machine. */
  readonly at: number;
}

const netlink = new Netlink();
const monitor = new RoutingMonitor(DEFAULT_TABLE);
onReadable(monitor.fd, () => {
  const at = performance.timeOrigin + performance.now();
  const changes = monitor.read();
  // If thousands of routes come at once, the monitor cannot keep all changes. Then the whole table
  // is read.
  const routes = changes
    ? changes.flatMap((change) => (change.type === 'route' && !change.gone ? [change.route] : []))
    : netlink.tableRoutes(DEFAULT_TABLE);
  const prefixes = routes.map(({ destination: address, prefixLength }) =>
    formatCidr({ address, prefixLength }),
  );
  if (prefixes.length > 0) process.send?.({ prefixes, at } satisfies RoutesAdded);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ prefixes: [], at: 0 } satisfies RoutesAdded);
