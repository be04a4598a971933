/**
 * `UnderlayCapture`: every frame on the interfaces by which packets may leave this node for its peers,
 * but for the tunnel's own.
 *
 * @module
 */
import { parseAddress, parseEndpoint, Endpoint } from '@litz/core';
import { interfaceName, Netlink, SystemError, type RouteTo, type RouteToOptions } from '@litz/sys';
import { PacketSocket } from '@litz/sys/tools';
import { NODES_MARK } from '../plan/desired-host.ts';
import type { PeerPlan } from './probe-plan.ts';

export interface CapturedFrame {
  /** Its beginning; a view, valid until the next frame. */
  readonly frame: Uint8Array;
  readonly link: string;
  readonly isOutgoing: boolean;
}

export class UnderlayCapture {
  readonly #sockets = new Map<string, PacketSocket>();
  readonly #buffer = new Uint8Array(SNAP_LENGTH);

  /**
   * @param links names
   * @throws {SystemError} EPERM without CAP_NET_RAW
   */
  constructor(links: readonly string[]) {
    const netlink = new Netlink();
    try {
      for (const name of links) {
        const link = netlink.linkByName(name);
        if (link) this.#sockets.set(name, new PacketSocket(link.index));
      }
    } catch (error) {
      this.close();
      throw error;
    } finally {
      netlink.close();
    }
  }

  get links(): string[] {
    return [...this.#sockets.keys()];
  }

  /** Frames that were lost because nobody read them in time. */
  get lost(): number {
    return Array.from(this.#sockets.values(), ({ drops }) => drops).reduce((a, b) => a + b, 0);
  }

  /** Hands over what has come, up to a bound: there may be more. */
  drain(take: (captured: CapturedFrame) => void): void {
    for (const [link, socket] of this.#sockets) {
      for (let count = 0; count < FRAMES_AT_ONCE; count++) {
        const length = socket.read(this.#buffer);
        if (length === 0) break;
        const frame = this.#buffer.subarray(0, Math.min(length, SNAP_LENGTH));
        take({ frame, link, isOutgoing: socket.outgoing });
      }
    }
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}

/**
 * The interfaces that lead to the peers' endpoints, and those that probes to them would leave by now. If a
 * route is missing, that is where they come out.
 *
 * @param tunnel name of its interface, which isn't one of them
 */
export function underlayLinks(plans: readonly PeerPlan[], tunnel: string): string[] {
  const netlink = new Netlink();
  try {
    const indices = new Set<number>();
    const add = (address: Uint8Array, options: RouteToOptions): void => {
      const route = routeTo(netlink, address, options);
      if (route?.type === 'unicast') indices.add(route.interfaceIndex);
    };
    for (const { endpoint, targets } of plans) {
      const parsed = endpoint === undefined ? undefined : parseEndpoint(endpoint);
      // The daemon's datagrams have the mark in the modes that need it.
      if (parsed instanceof Endpoint) add(parsed.address, { mark: NODES_MARK });
      for (const { source, destination } of targets) {
        add(parseAddress(destination), {});
        add(parseAddress(destination), { source: parseAddress(source) });
      }
    }
    const names = Array.from(indices, interfaceName);
    return names.filter(
      (name) => name !== undefined && name !== tunnel && name !== 'lo',
    ) as string[];
  } finally {
    netlink.close();
  }
}

/** No route, also where the source is no address of this machine. */
function routeTo(
  netlink: Netlink,
  address: Uint8Array,
  options: RouteToOptions,
): RouteTo | undefined {
  try {
    return netlink.routeTo(address, options);
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}

/** Headers and marks stand at the beginning, also in an overlay's packet. */
const SNAP_LENGTH = 1024;
const FRAMES_AT_ONCE = 4096;
