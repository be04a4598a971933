/**
 * Changes of routes, rules and addresses: what makes a sticky source stale, or the way to an endpoint
 * another one.
 *
 * @module
 */
import { readAddress, type AssignedAddress } from './interface-address.ts';
import type { NetlinkMessage } from './message-reader.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import { readRoute, type InstalledRoute } from './route.ts';
import { readRule, type InstalledRule } from './rule.ts';
import {
  RTM_DELADDR,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTMGRP_IPV4_IFADDR,
  RTMGRP_IPV4_ROUTE,
  RTMGRP_IPV4_RULE,
  RTMGRP_IPV6_IFADDR,
  RTMGRP_IPV6_ROUTE,
  RTMGRP_IPV6_RULE,
} from './rtnetlink.ts';

/** `lost`: there was more than the socket could hold; anything may have changed. */
export type RouteChange =
  | { readonly type: 'route'; readonly removed: boolean; readonly route: InstalledRoute }
  | { readonly type: 'rule'; readonly removed: boolean; readonly rule: InstalledRule }
  | { readonly type: 'address'; readonly removed: boolean; readonly address: AssignedAddress }
  | { readonly type: 'lost' };

const GROUPS =
  RTMGRP_IPV4_IFADDR |
  RTMGRP_IPV4_ROUTE |
  RTMGRP_IPV4_RULE |
  RTMGRP_IPV6_IFADDR |
  RTMGRP_IPV6_ROUTE |
  RTMGRP_IPV6_RULE;

/**
 * Watches the namespace that the calling thread is in when this is made. Wait for `fd` to be
 * readable, then `read`. When a link goes down the kernel drops its IPv4 routes without telling:
 * watch the link as well where that matters.
 */
export class RouteMonitor {
  readonly #socket: NetlinkSocket = new NetlinkSocket(GROUPS);

  /** -1 once closed. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** What changed since the last call, oldest first; never blocks. */
  read(): RouteChange[] {
    const messages = this.#socket.notifications();
    return messages === undefined ? [{ type: 'lost' }] : messages.flatMap(changesOf);
  }

  close(): void {
    this.#socket.close();
  }
}

function changesOf({ type, payload }: NetlinkMessage): RouteChange[] {
  switch (type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = readRoute(payload);
      return route ? [{ type: 'route', removed: type === RTM_DELROUTE, route }] : [];
    }
    case RTM_NEWRULE:
    case RTM_DELRULE: {
      const rule = readRule(payload);
      return rule ? [{ type: 'rule', removed: type === RTM_DELRULE, rule }] : [];
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = readAddress(payload);
      return address ? [{ type: 'address', removed: type === RTM_DELADDR, address }] : [];
    }
    default:
      return [];
  }
}
