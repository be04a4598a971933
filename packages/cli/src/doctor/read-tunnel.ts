/**
 * `readTunnel`: reads what `examine` needs. It sends two empty datagrams to each silent peer: one
 * to its endpoint, and one through the tunnel. Then it waits for a handshake. It changes nothing.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEndpoint, wipeSecrets, type DevicePeerStatus, type DeviceStatus } from '@litz/config';
import { formatAddress, formatKey } from '@litz/core';
import { Netlink, readSysctl } from '@litz/sys';
import { Failure } from '../failure.ts';
import { InterfaceClient } from '../live/interface-client.ts';
import { publicKeyOfStatus } from '../show/public-key.ts';
import { firstDrop, type FilteredPacket, type FilterRules } from './filter-rules.ts';
import { sendToPort, sendInside } from './knock.ts';
import { readFile, readHost, type ReadFile } from './read-file.ts';
import { readFirewall } from './read-firewall.ts';
import { readInner, readOuter } from './read-ways.ts';
import type { Block, DaemonFacts, LinkFacts, PeerFacts, TunnelFacts } from './tunnel-facts.ts';

/**
 * Reads the facts about a tunnel.
 *
 * @param file the path of the wg-quick file, which need not exist
 */
export async function readTunnel(name: string, file: string): Promise<TunnelFacts> {
  const netlink = new Netlink();
  try {
    const read = await readStatus(name);
    const link = readLink(netlink, name);
    const [firewall, config] = [await readFirewall(), readFile(file)];
    const context = { name, netlink, link, config, rules: firewall.rules, nowMs: Date.now() };
    const peers = read.status ? await readPeers(read.status, context) : [];
    return {
      name,
      // The ages of handshakes are computed from this time, so it is taken after the peers were
      // read.
      nowMs: Date.now(),
      daemon: read.status && daemonOf(read.status),
      noDaemon: read.reason,
      link,
      ...readFilters(peers),
      file: config?.facts,
      unreadFirewall: 'unread' in firewall ? firewall.unread : undefined,
      peers,
      more: (read.status?.peers.length ?? 0) - peers.length,
    };
  } finally {
    netlink.close();
  }
}

interface Context {
  readonly name: string;
  readonly netlink: Netlink;
  readonly link: LinkFacts | undefined;
  readonly config: ReadFile | undefined;
  readonly rules: readonly FilterRules[];
  readonly nowMs: number;
}

/** A status whose secrets are wiped, but which says whether there is a private key. */
type ReadStatus = DeviceStatus & { readonly publicKey: string | undefined };

async function readStatus(name: string): Promise<{ status?: ReadStatus; reason?: string }> {
  try {
    const status = await new InterfaceClient(name).read();
    const publicKey = publicKeyOfStatus(status);
    wipeSecrets(status);
    return { status: { ...status, publicKey } };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

function daemonOf({ publicKey, listenPort, fwmark, details }: ReadStatus): DaemonFacts {
  return { publicKey, listenPort, fwmark, details };
}

function readLink(netlink: Netlink, name: string): LinkFacts | undefined {
  const link = netlink.linkByName(name);
  if (!link) return undefined;
  const { kind, up, mtu } = link;
  return { kind, up, mtu, addresses: netlink.addresses(link.index) };
}

async function readPeers(status: ReadStatus, context: Context): Promise<PeerFacts[]> {
  const ways = status.peers.slice(0, MOST_PEERS).map((peer) => waysOf(peer, status, context));
  const hosts = await Promise.all(
    ways.map(async ({ key, status: { endpointName } }) => {
      const host = context.config?.hosts.get(key) ?? hostOf(endpointName);
      return host && readHost(host.name, host.port);
    }),
  );
  const knocks = ways.map((peer) => isSilent(peer.status, context) && canKnock(peer, context));
  const ports = await Promise.all(
    ways.map(async ({ status: { endpoint }, outer }, index) => {
      const link = outer?.unmarkedLink;
      const isOutside = link !== undefined && link !== context.name;
      if (!knocks[index] || !endpoint || !isOutside) return 'untried';
      return sendToPort(formatAddress(endpoint.address), endpoint.port);
    }),
  );
  const knocked = ways.filter((_, index) => knocks[index]);
  for (const { inner } of knocked) await sendInside(inner[0]!.address);
  const later = knocked.length > 0 ? await waitForHandshakes(knocked, context.name) : status;
  const statuses = new Map(later.peers.map((peer) => [formatKey(peer.publicKey), peer]));
  return ways.map((peer, index) => ({
    ...peer,
    status: statuses.get(peer.key) ?? peer.status,
    host: hosts[index],
    port: ports[index]!,
    knocked: knocks[index]!,
  }));
}

/** Returns the name and the port that the daemon has for an endpoint. */
function hostOf(endpointName: string | undefined): { name: string; port: number } | undefined {
  if (endpointName === undefined) return undefined;
  const endpoint = parseEndpoint(endpointName);
  return 'host' in endpoint ? { name: endpoint.host, port: endpoint.port } : undefined;
}

type PeerWays = Omit<PeerFacts, 'host' | 'port' | 'knocked'>;

function waysOf(peer: DevicePeerStatus, status: ReadStatus, context: Context): PeerWays {
  const { netlink, name, link } = context;
  const { endpoint } = peer;
  const outer = endpoint && readOuter(netlink, endpoint, { name, mark: status.fwmark });
  const own = link?.addresses ?? [];
  const prefixes = peer.allowedIps.slice(0, MOST_PREFIXES);
  const inner = prefixes.map((prefix) => readInner(netlink, prefix, own));
  const ways = { key: formatKey(peer.publicKey), status: peer, outer, inner };
  return { ...ways, blocks: blocksOf(ways, status, context) };
}

/**
 * Returns what drops, or may drop, packets to or from a peer: at most one rule or policy for each
 * way of the packets.
 */
function blocksOf(
  { status: { endpoint, allowedIps }, outer }: Pick<PeerFacts, 'status' | 'outer'>,
  { listenPort }: ReadStatus,
  { rules, name }: Context,
): Block[] {
  const packets: [Block['way'], FilteredPacket][] = [];
  const add = (way: Block['way'], packet: Omit<FilteredPacket, 'direction'>): void => {
    packets.push([way, { ...packet, direction: way.endsWith('in') ? 'in' : 'out' }]);
  };
  if (endpoint && outer?.link !== undefined) {
    const { address, port } = endpoint;
    const family = address.length === 4 ? 4 : 6;
    const common = { link: outer.link, family, protocol: 'udp' } as const;
    const there = { sourcePort: listenPort, destinationPort: port };
    const back = { sourcePort: port, destinationPort: listenPort };
    const to = { source: undefined, destination: address, isEstablished: false };
    const from = { source: address, destination: undefined, isEstablished: true };
    add('outer-out', { ...common, ...there, ...to });
    add('outer-in', { ...common, ...back, ...from });
  }
  const [prefix] = allowedIps;
  if (prefix) {
    const family = prefix.address.length === 4 ? 4 : 6;
    const any = { protocol: undefined, sourcePort: undefined, destinationPort: undefined };
    const common = { link: name, family, ...any } as const;
    const { address } = prefix;
    add('inner-out', { ...common, source: undefined, destination: address, isEstablished: false });
    add('inner-in', { ...common, source: address, destination: undefined, isEstablished: true });
  }
  return packets.flatMap(([way, packet]) => {
    const found = firstDrop(packet, rules);
    return found ? [{ way, ...found }] : [];
  });
}

function isSilent({ lastHandshakeUnixMs }: PeerFacts['status'], { nowMs }: Context): boolean {
  return nowMs - lastHandshakeUnixMs > RECENT_MS;
}

function canKnock({ status, inner }: PeerWays, { name, link }: Context): boolean {
  return link?.up === true && status.endpoint !== undefined && inner[0]?.link === name;
}

/**
 * Waits until each of these peers has a recent handshake, or has left two initiations unanswered.
 * Waits at most `LONGEST_MS`. Returns the last status.
 *
 * @throws {Failure} (rejects) the daemon does not answer any more
 */
async function waitForHandshakes(
  knocked: readonly PeerWays[],
  name: string,
): Promise<DeviceStatus> {
  const keys = new Set(knocked.map(({ key }) => key));
  const before = Date.now() - RECENT_MS;
  const startMs = performance.now();
  for (;;) {
    const { status, reason } = await readStatus(name);
    const isOver = performance.now() - startMs >= LONGEST_MS;
    const open = status?.peers.filter((peer) => {
      const isAnswered = peer.lastHandshakeUnixMs > before;
      const isDecided = isAnswered || (peer.unansweredInitiations ?? 0) >= 2;
      return keys.has(formatKey(peer.publicKey)) && !isDecided;
    });
    if (status && (open!.length === 0 || isOver)) return status;
    if (isOver) throw new Failure(`the daemon of ${name} does not answer any more: ${reason}`);
    await sleep(POLL_MS);
  }
}

/** Reads the reverse path filters of the links that lead to the peers. */
function readFilters(
  peers: readonly PeerFacts[],
): Pick<TunnelFacts, 'reversePathFilters' | 'marksAreValid'> {
  const links = [...new Set(peers.flatMap(({ outer }) => outer?.link ?? []))];
  return {
    reversePathFilters: new Map(links.map((link) => [link, valueOf('rp_filter', link)])),
    marksAreValid: links.every((link) => valueOf('src_valid_mark', link) === 1),
  };
}

/**
 * Returns the value that the kernel uses: the larger of the value for all links and the value for
 * the given link (ip-sysctl.rst).
 */
function valueOf(setting: string, link: string): number {
  return Math.max(
    numberAt(`net/ipv4/conf/all/${setting}`),
    numberAt(`net/ipv4/conf/${link}/${setting}`),
  );
}

/** Returns 0 if there is no such parameter. */
function numberAt(parameter: string): number {
  try {
    return Number(readSysctl(parameter));
  } catch {
    return 0;
  }
}

/** The largest number of peers that are examined: the first ones. */
const MOST_PEERS = 64;
const MOST_PREFIXES = 32;
/**
 * In ms. WireGuard renews a session that is older than 120 s (Rekey-After-Time). So if packets pass
 * between two peers, their last handshake is newer than this.
 */
const RECENT_MS = 150_000;
const POLL_MS = 200;
/**
 * In ms: more than the time until the second initiation, which follows after five seconds
 * (Rekey-Timeout) and up to 333 ms of jitter.
 */
const LONGEST_MS = 7000;
