/**
 * `ServiceContext`: what the services of a proxy share.
 *
 * @module
 */
import type { ConnectionTable } from './connection-table.ts';
import type { ProxyCounts } from './proxy-counts.ts';
import type { ProxyNetwork } from './proxy-network.ts';

/** What every service of a proxy gets. */
export interface ServiceContext {
  /** The network inside the tunnel. */
  readonly network: ProxyNetwork;
  /** The network of the machine. */
  readonly machine: ProxyNetwork;
  /** The connections of all services. */
  readonly table: ConnectionTable;
  readonly counts: ProxyCounts;
  /** Called with lines for a detailed log. */
  readonly log: (line: string) => void;
}
