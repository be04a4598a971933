/**
 * `measureReturn`: measures the time from the kill of a daemon until everything is restored.
 *
 * @module
 */
import { setTimeout as pause } from 'node:timers/promises';
import { runCommand } from '../peers/command.ts';
import type { ClusterNode } from './cluster-node.ts';
import { RouteMonitor, type RouteChange } from './route-monitor.ts';

export interface DaemonReturn {
  /**
   * Time from the new link to the last change of the link, an address, a route, a rule or a peer.
   * The time of a change is that of its netlink message. Netlink does not report peers: they count
   * as restored when the status of the daemon shows all of them.
   */
  readonly restoredMs: number;
  /** Time from the kill to the new link. Most of it is the start of the program. */
  readonly startMs: number;
}

/**
 * Kills the daemon of a node, starts it again, and waits until everything is restored.
 *
 * @param peers how many peers the daemon must have again
 * @throws {Error} (rejects) something was not restored
 */
export async function measureReturn(node: ClusterNode, peers: number): Promise<DaemonReturn> {
  const before = await routesOf(node);
  const monitor = await RouteMonitor.start(node.host);
  try {
    const killedAt = now();
    await node.killDaemon();
    await node.startDaemon();
    const peersAt = await untilPeersConfigured(node, peers);
    await pause(QUIET_MS);
    const after = await routesOf(node);
    if (after !== before)
      throw new Error(`not everything was restored: got ${after}, expected ${before}`);
    const { changes } = monitor;
    // Before the old link is removed, it is reported as down. So the new link is looked for only
    // after the removal.
    const gone = changes.findIndex(({ text }) => isLink('Deleted', text, node.interfaceName));
    const link = changes.slice(gone + 1).find(({ text }) => isLink('', text, node.interfaceName));
    if (!link) throw new Error('the link did not come back');
    const ours = changes.slice(gone + 1).filter((change) => isOurs(change, node.interfaceName));
    const last = Math.max(peersAt, ...ours.map(({ at }) => at));
    return { restoredMs: last - link.at, startMs: link.at - killedAt };
  } finally {
    await monitor.end();
  }
}

/**
 * Returns the rules, the routes of the mesh's table and the addresses of the link, as text. The
 * index of the link is left out, because it changes each time.
 */
async function routesOf({ host, interfaceName }: ClusterNode): Promise<string> {
  const all = [
    'rule',
    `route show table ${TABLE}`,
    `-br address show dev ${interfaceName} scope global`,
  ];
  const texts = await Promise.all(
    all.map((words) => runCommand('ip', words.split(' '), { namespace: host })),
  );
  return texts.join('');
}

/** Waits until the daemon has `count` peers with prefixes. Returns the time. */
async function untilPeersConfigured(node: ClusterNode, count: number): Promise<number> {
  const end = performance.now() + PEERS_MS;
  for (;;) {
    const { peers } = await node.device();
    const seenAt = now();
    if (peers.filter(({ allowedIps }) => allowedIps.length > 0).length === count) return seenAt;
    if (performance.now() > end) throw new Error(`the daemon has only ${peers.length} peers`);
    await pause(POLL_MS);
  }
}

function isLink(before: '' | 'Deleted', text: string, name: string): boolean {
  return new RegExp(`^${before} ?\\d+: ${name}: `).test(text);
}

/**
 * Returns whether Litz made the change. The kernel itself makes local and link-local routes and
 * addresses.
 */
function isOurs({ kind, text }: RouteChange, name: string): boolean {
  if (kind === 'ADDR') return text.includes(name) && text.includes('scope global');
  if (kind === 'LINK') return isLink('', text, name);
  return new RegExp(` (table|lookup) ${TABLE}\\b`).test(text);
}

/** Returns Unix time in ms, with fractions. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

const TABLE = 51871;
const POLL_MS = 3;
const PEERS_MS = 20_000;
/** How long the measurement waits for later changes, in ms. */
const QUIET_MS = 1000;
