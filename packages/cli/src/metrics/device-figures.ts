/**
 * `readFigures`: reads from a device what its metrics need.
 *
 * @module
 */
import { wipeSecrets } from '@litz/config';
import type { PeerStatus } from '@litz/core';
import type { Device, DeviceStats } from '@litz/device';
import { publicKeyOfStatus } from '../show/public-key.ts';

/** A device at one moment. It has no secrets. */
export interface DeviceFigures {
  readonly name: string;
  /** The public key, in base64; empty: there is no private key. */
  readonly publicKey: string;
  readonly listenPort: number;
  readonly fwmark: number;
  /** In bytes. */
  readonly mtu: number;
  readonly up: boolean;
  readonly provider: string;
  /** All offloads, and whether each is in use. */
  readonly offloads: ReadonlyMap<string, boolean>;
  readonly stats: DeviceStats;
  readonly sums: PeerSums;
  /** The peers; undefined: there are more than `most`. */
  readonly peers: readonly PeerStatus[] | undefined;
}

/** Sums over all peers. */
export interface PeerSums {
  readonly count: number;
  /** Peers to which a packet can be sent without a new handshake. */
  readonly withSession: number;
  /** Peers that have left two or more initiations unanswered. */
  readonly silent: number;
  readonly withoutEndpoint: number;
}

/**
 * Reads the device. Peers are read a few at a time.
 *
 * @param most the largest number of peers that are returned
 */
export async function readFigures(
  device: Pick<Device, 'name' | 'crypto' | 'stats' | 'statusParts'>,
  offloads: ReadonlyMap<string, boolean>,
  most: number,
): Promise<DeviceFigures> {
  const sums = { count: 0, withSession: 0, silent: 0, withoutEndpoint: 0 };
  const kept: PeerStatus[] = [];
  let common: Pick<DeviceFigures, 'publicKey' | 'listenPort' | 'fwmark' | 'mtu' | 'up'> | undefined;
  for await (const part of device.statusParts()) {
    try {
      const { listenPort, fwmark, mtu, up } = part;
      common ??= { publicKey: publicKeyOfStatus(part) ?? '', listenPort, fwmark, mtu, up };
    } finally {
      wipeSecrets(part);
    }
    for (const peer of part.peers) {
      count(sums, peer);
      if (kept.length <= most) kept.push(peer);
    }
  }
  return {
    name: device.name,
    ...common!,
    provider: device.crypto.provider,
    offloads,
    stats: await device.stats(),
    sums,
    peers: kept.length > most ? undefined : kept,
  };
}

function count(sums: { -readonly [Key in keyof PeerSums]: number }, peer: PeerStatus): void {
  sums.count++;
  if (peer.sessionUp) sums.withSession++;
  if ((peer.unansweredInitiations ?? 0) >= LEAST_UNANSWERED) sums.silent++;
  if (!peer.endpoint) sums.withoutEndpoint++;
}

/** One unanswered initiation is usual: the answer may be on its way. */
const LEAST_UNANSWERED = 2;
