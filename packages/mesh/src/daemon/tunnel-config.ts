/**
 * `TunnelConfig`: the configuration that the daemon must have. `tunnelChange`: the request that
 * gives the daemon this configuration. Pure.
 *
 * @module
 */
import { formatCidr, formatEndpoint, type Cidr, type Endpoint, type PublicKey } from '@litz/core';
import { equalBytes, keyId } from '@litz/core/internals';
import type { DeviceChange, DeviceStatus } from '@litz/config';

export interface TunnelConfig {
  readonly own: PublicKey;
  /** The daemon's second identity, during a rotation. */
  readonly next: PublicKey | undefined;
  readonly listenPort: number;
  readonly fwmark: number;
  /** The peers, by the name of their node. */
  readonly peers: ReadonlyMap<string, TunnelPeer>;
}

/** Immutable: a changed peer is a new object, so an object that is the same counts as unchanged. */
export interface TunnelPeer {
  /** One key, or two during a rotation, the older one first. */
  readonly keys: readonly PublicKey[];
  readonly endpoint: Endpoint;
  /** In seconds. 0: off. */
  readonly persistentKeepalive: number;
  readonly allowedIps: readonly Readonly<Cidr>[];
}

/**
 * The configuration that the daemon has, as it was last set or read. `own` and `next` are the
 * public keys of its private keys.
 */
export interface ProgrammedTunnel {
  readonly own: PublicKey | undefined;
  readonly next: PublicKey | undefined;
  readonly listenPort: number;
  readonly fwmark: number;
  /** The peers, by the name of their node. */
  readonly peers: ReadonlyMap<string, ProgrammedPeer>;
  /** The public keys of the daemon's peers that belong to no node. */
  readonly unknownPeers: readonly PublicKey[];
}

export type ProgrammedPeer = Omit<TunnelPeer, 'endpoint'> & {
  readonly endpoint: Endpoint | undefined;
};

/**
 * A change without the private keys. `own` and `next` are public keys: the daemon must get the
 * private keys that belong to them. Undefined: the daemon keeps its key.
 */
export interface TunnelChange {
  readonly change: DeviceChange;
  readonly own: PublicKey | undefined;
  /** null: the second identity must be removed. */
  readonly next: PublicKey | null | undefined;
}

/**
 * Returns the change that turns `current` into `wanted`, as one request. Returns undefined if they
 * are equal.
 *
 * @param names the names of the nodes whose peers may differ; default: all
 */
export function tunnelChange(
  wanted: TunnelConfig,
  current: ProgrammedTunnel,
  names: ReadonlySet<string> = namesOf(wanted, current),
): TunnelChange | undefined {
  const peers: Peer[] = [];
  const gone: PublicKey[] = [];
  for (const name of names) {
    const [peer, before] = [wanted.peers.get(name), current.peers.get(name)];
    if (before === peer) continue;
    if (peer) peers.push(...peerChanges(peer, before));
    else if (before) gone.push(before.keys[0]!);
  }
  // A peer is removed after other peers have taken over its prefixes, so that every packet finds a
  // peer. A peer whose key now belongs to another node is not removed.
  const lost = [...gone, ...current.unknownPeers];
  if (lost.length > 0) {
    const kept = new Set(peers.map(({ publicKey }) => String(publicKey)));
    for (const publicKey of lost) {
      if (!kept.has(String(publicKey))) peers.push({ publicKey, remove: true });
    }
  }
  const own = isSame(wanted.own, current.own) ? undefined : wanted.own;
  const next = isSame(wanted.next, nextLeft(wanted, current)) ? undefined : (wanted.next ?? null);
  const change: DeviceChange = {
    ...(wanted.listenPort !== current.listenPort && { listenPort: wanted.listenPort }),
    ...(wanted.fwmark !== current.fwmark && { fwmark: wanted.fwmark }),
    ...(peers.length > 0 && { peers }),
  };
  const isNothing = Object.keys(change).length === 0 && own === undefined && next === undefined;
  return isNothing ? undefined : { change, own, next };
}

/**
 * Returns the configuration of a daemon that was already running. The keys of a peer show which
 * node it belongs to. A handshake within the last 180 s shows that the endpoint of a peer works.
 * Then the result has the wanted endpoint in place of the daemon's endpoint, so `tunnelChange` sees
 * no difference and the daemon keeps its endpoint.
 *
 * @param own the public keys of the daemon's private keys
 * @param nowMs Unix time in milliseconds
 */
export function programmedTunnel(
  status: DeviceStatus,
  own: { readonly own: PublicKey | undefined; readonly next: PublicKey | undefined },
  wanted: TunnelConfig,
  nowMs: number,
): ProgrammedTunnel {
  const names = new Map<string, string>();
  for (const [name, { keys }] of wanted.peers) {
    for (const key of keys) names.set(keyId(key), name);
  }
  const peers = new Map<string, ProgrammedPeer>();
  const unknownPeers: PublicKey[] = [];
  for (const peer of status.peers) {
    const { publicKey, nextPublicKey } = peer;
    const keys = [publicKey, ...(nextPublicKey ? [nextPublicKey] : [])];
    const name = keys.map((key) => names.get(keyId(key))).find((found) => found !== undefined);
    const wantedPeer = name === undefined ? undefined : wanted.peers.get(name);
    if (name === undefined || !wantedPeer || peers.has(name)) {
      unknownPeers.push(peer.publicKey);
      continue;
    }
    const isReached = nowMs - peer.lastHandshakeUnixMs < REJECT_AFTER_TIME_MS;
    peers.set(name, {
      keys,
      endpoint: isReached ? wantedPeer.endpoint : peer.endpoint,
      persistentKeepalive: peer.persistentKeepalive,
      allowedIps: peer.allowedIps,
    });
  }
  const { listenPort, fwmark } = status;
  return { ...own, listenPort, fwmark, peers, unknownPeers };
}

type Peer = NonNullable<DeviceChange['peers']>[number];

function namesOf({ peers }: TunnelConfig, current: ProgrammedTunnel): Set<string> {
  return new Set([...peers.keys(), ...current.peers.keys()]);
}

function peerChanges(peer: TunnelPeer, before: ProgrammedPeer | undefined): Peer[] {
  const [key, next] = peer.keys;
  if (!key) return [];
  if (!before) return [freshPeer(peer, key, next)];
  const [oldKey, oldNext] = before.keys;
  if (isSame(key, oldKey)) {
    const nextChange = isSame(next, oldNext) ? {} : { nextPublicKey: next ?? null };
    return nonEmpty({ publicKey: key, ...nextChange, ...differences(peer, before) });
  }
  if (oldKey && isSame(key, oldNext)) {
    const nextOf = { ...(next && { nextPublicKey: next }) };
    const rest = nonEmpty({ publicKey: key, ...nextOf, ...differences(peer, before) });
    return [{ publicKey: oldKey, promotePublicKey: true }, ...rest];
  }
  // The peer has a completely different key. The new key takes over the prefixes before the old one
  // is removed.
  return [freshPeer(peer, key, next), ...(oldKey ? [{ publicKey: oldKey, remove: true }] : [])];
}

/**
 * Creates the object without spreading: with thousands of peers, each spread object would get a
 * hidden class of its own in memory.
 */
function freshPeer(
  { endpoint, persistentKeepalive, allowedIps }: TunnelPeer,
  publicKey: PublicKey,
  next: PublicKey | undefined,
): Peer {
  const fresh: Peer = { publicKey, endpoint, replaceAllowedIps: true, allowedIps };
  if (next) fresh.nextPublicKey = next;
  if (persistentKeepalive !== 0) fresh.persistentKeepalive = persistentKeepalive;
  return fresh;
}

function textsOf(list: readonly Readonly<Cidr>[]): Set<string> {
  return new Set(list.map(formatCidr));
}

function differences(peer: TunnelPeer, before: ProgrammedPeer): Omit<Peer, 'publicKey'> {
  const [wanted, current] = [textsOf(peer.allowedIps), textsOf(before.allowedIps)];
  const allowedIps = [
    ...peer.allowedIps.filter((cidr) => !current.has(formatCidr(cidr))),
    ...before.allowedIps
      .filter((cidr) => !wanted.has(formatCidr(cidr)))
      .map((cidr) => ({ ...cidr, remove: true })),
  ];
  const { persistentKeepalive, endpoint } = peer;
  return {
    ...(!isSameEndpoint(endpoint, before.endpoint) && { endpoint }),
    ...(persistentKeepalive !== before.persistentKeepalive && { persistentKeepalive }),
    ...(allowedIps.length > 0 && { allowedIps }),
  };
}

function nonEmpty(peer: Peer): Peer[] {
  return Object.keys(peer).length > 1 ? [peer] : [];
}

/**
 * Returns the next key that the daemon still has after the wanted own key was set. If the next key
 * becomes the own key, the daemon has no next key any more.
 */
function nextLeft({ own }: TunnelConfig, { next }: ProgrammedTunnel): PublicKey | undefined {
  return isSame(own, next) ? undefined : next;
}

function isSame(a: PublicKey | undefined, b: PublicKey | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && equalBytes(a, b));
}

function isSameEndpoint(a: Endpoint, b: Endpoint | undefined): boolean {
  return b !== undefined && (a === b || formatEndpoint(a) === formatEndpoint(b));
}

/**
 * In milliseconds. No session is older (Reject-After-Time), so after this time it is unknown
 * whether the endpoint still works.
 */
const REJECT_AFTER_TIME_MS = 180_000;
