/**
 * That routes may have changed: what makes a sticky source stale, or the way to an endpoint another one.
 *
 * @module
 */
import { NetlinkSocket } from './netlink-socket.ts';
import {
  RTMGRP_IPV4_IFADDR,
  RTMGRP_IPV4_ROUTE,
  RTMGRP_IPV4_RULE,
  RTMGRP_IPV6_IFADDR,
  RTMGRP_IPV6_ROUTE,
  RTMGRP_IPV6_RULE,
  RTMGRP_LINK,
} from './rtnetlink.ts';

/** Links too: when one goes down, the kernel drops its IPv4 routes without telling. */
const GROUPS =
  RTMGRP_LINK |
  RTMGRP_IPV4_IFADDR |
  RTMGRP_IPV4_ROUTE |
  RTMGRP_IPV4_RULE |
  RTMGRP_IPV6_IFADDR |
  RTMGRP_IPV6_ROUTE |
  RTMGRP_IPV6_RULE;

/**
 * Watches links, addresses, routes and rules of the namespace that the calling thread is in when this
 * is made. `fd` gets readable with the first change and stays so until `clear`.
 *
 * Which route it was is not told: a router changes tens of thousands a second, and to read each of them
 * would take a whole core. The socket has room for one or two notifications. Until those are taken
 * away, the kernel drops all others before it makes a copy for us, so changes that nobody waits for
 * cost this process nothing.
 */
export class RouteMonitor {
  readonly #socket: NetlinkSocket = new NetlinkSocket(GROUPS);

  constructor() {
    this.#socket.keepFew();
  }

  /** -1 once closed. */
  get fd(): number {
    return this.#socket.fd;
  }

  /**
   * To be called before the routes are looked at, so that no later change is missed; never blocks.
   *
   * @returns whether anything has changed since the last call
   */
  clear(): boolean {
    return this.#socket.discard();
  }

  close(): void {
    this.#socket.close();
  }
}
