/**
 * `UnderlayCapture`: captures every frame on the links by which packets to peers may leave, except
 * the tunnel's interface.
 *
 * @module
 */
import { parseAddress, parseEndpoint, Endpoint } from '@litz/core';
import { interfaceName, Netlink, SystemError, type RouteTo, type RouteToOptions } from '@litz/sys';
import { PacketSocket } from '@litz/sys/tools';
import { NODES_MARK } from '../plan/desired-host.ts';
import type { PeerPlan } from './probe-plan.ts';

export interface CapturedFrame {
  /**
   * The first bytes of the frame, at most `SNAP_LENGTH`; a view that is valid until the next frame.
   */
  readonly frame: Uint8Array;
  /** Name of the link. */
  readonly link: string;
  readonly isOutgoing: boolean;
}

export class UnderlayCapture {
  readonly #sockets = new Map<string, PacketSocket>();
  readonly #buffer = new Uint8Array(SNAP_LENGTH);

  /**
   * Starts to capture. A link that does not exist is left out.
   *
   * @param links names of the links
   * @throws {SystemError} EPERM: no CAP_NET_RAW
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

  /** Names of the links that are captured. */
  get links(): string[] {
    return [...this.#sockets.keys()];
  }

  /** How many frames the kernel dropped because `drain` did not read them in time. */
  get lost(): number {
    return Array.from(this.#sockets.values(), ({ drops }) => drops).reduce((a, b) => a + b, 0);
  }

  /**
   * Passes the frames that have arrived to `take`, at most `FRAMES_AT_ONCE` for each link. More
   * frames may be left.
   */
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
 * Returns the names of two kinds of links: the links that lead to the peers' endpoints, and the
 * links by which probes to the peers leave. If a route into the tunnel is missing, probes leave by
 * another link, and the result contains that link.
 *
 * @param tunnel name of the tunnel's interface, which is left out
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
      // The daemon's datagrams have this mark in the modes `nodes` and `all`. In the mode `pods`,
      // no rule of the mesh looks at the mark.
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

/**
 * Returns the route to the address. Returns undefined if there is no route, or if the source is not
 * an address of this machine.
 */
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

/**
 * How many bytes of a frame are read. Headers and marks are at the beginning, also in an overlay's
 * packet.
 */
const SNAP_LENGTH = 1024;
/** The largest number of frames that one call of `drain` reads from one link. */
const FRAMES_AT_ONCE = 4096;
