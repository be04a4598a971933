/**
 * `RouteMonitor`: reports that routes may have changed. Then a sticky source may no longer work, or
 * an endpoint may be reached by another way.
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

/**
 * Watches links, addresses, routes and rules of the network namespace that the calling thread is in
 * when the monitor is made. `fd` becomes readable with the first change and stays readable until
 * `clear`.
 *
 * The monitor does not say which route changed, because a router can change tens of thousands of
 * routes per second, and reading all of them would take a whole core. The socket's queue holds one
 * or two notifications. Until they are read, the kernel drops all others before it copies them, so
 * they cost this process nothing.
 */
export class RouteMonitor {
  readonly #socket: NetlinkSocket = new NetlinkSocket(GROUPS);

  constructor() {
    this.#socket.shrinkQueue();
  }

  /** -1 after `close`. */
  get fd(): number {
    return this.#socket.fd;
  }

  /**
   * Discards the notifications. Must be called before the routes are read, so that no later change
   * is missed. Never blocks.
   *
   * @returns whether anything has changed since the last call
   */
  clear(): boolean {
    return this.#socket.discard();
  }

  /** Closes the socket. May be called again. */
  close(): void {
    this.#socket.close();
  }
}

/**
 * Links are included, because the kernel sends no notifications of the IPv4 routes that it drops
 * when a link goes down.
 */
const GROUPS =
  RTMGRP_LINK |
  RTMGRP_IPV4_IFADDR |
  RTMGRP_IPV4_ROUTE |
  RTMGRP_IPV4_RULE |
  RTMGRP_IPV6_IFADDR |
  RTMGRP_IPV6_ROUTE |
  RTMGRP_IPV6_RULE;
