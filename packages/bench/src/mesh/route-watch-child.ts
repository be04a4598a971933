/**
 * Tells which routes of the mesh's table come, and when, in the network namespace that it was started in.
 *
 * @module
 */
import { formatCidr } from '@litz/core';
import { onReadable, RoutingMonitor } from '@litz/sys';
import { DEFAULT_TABLE } from '@litz/mesh';

export interface RouteCame {
  /** '10.128.3.0/24' */
  readonly prefix: string;
  /** Milliseconds; the same for all processes of a machine. */
  readonly at: number;
}

const monitor = new RoutingMonitor(DEFAULT_TABLE);
onReadable(monitor.fd, () => {
  const at = performance.timeOrigin + performance.now();
  for (const change of monitor.read() ?? []) {
    if (change.type !== 'route' || change.gone) continue;
    const { destination: address, prefixLength } = change.route;
    process.send?.({ prefix: formatCidr({ address, prefixLength }), at } satisfies RouteCame);
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.({ prefix: '', at: 0 } satisfies RouteCame);
