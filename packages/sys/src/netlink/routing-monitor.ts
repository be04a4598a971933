/**
 * `RoutingMonitor`: reports what happens to links, their reverse path filters, addresses, rules,
 * and the routes of one table.
 *
 * @module
 */
import { libc } from '../libc.ts';
import { allocate } from '../memory.ts';
import { check } from '../system-error.ts';
import { SOL_SOCKET } from '../constants.ts';
import { checkTable } from './arguments.ts';
import { readAddress, type AssignedAddress } from './interface-address.ts';
import { readFilterSetting, type FilterSetting } from './link-setting.ts';
import { readLink, type Link } from './link.ts';
import type { NetlinkMessage } from './message-reader.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import { readRoute, type InstalledRoute } from './route.ts';
import {
  RT_TABLE_COMPAT,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNETCONF,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTMGRP_IPV4_IFADDR,
  RTMGRP_IPV4_NETCONF,
  RTMGRP_IPV4_ROUTE,
  RTMGRP_IPV4_RULE,
  RTMGRP_IPV6_IFADDR,
  RTMGRP_IPV6_ROUTE,
  RTMGRP_IPV6_RULE,
  RTMGRP_LINK,
} from './rtnetlink.ts';
import { readRule, type InstalledRule } from './rule.ts';

/** A change. `gone` is true if the object was removed, and false if it is new or was changed. */
export type RoutingChange =
  | { readonly type: 'link'; readonly gone: boolean; readonly link: Link }
  | { readonly type: 'address'; readonly gone: boolean; readonly address: AssignedAddress }
  | { readonly type: 'route'; readonly gone: boolean; readonly route: InstalledRoute }
  | { readonly type: 'rule'; readonly gone: boolean; readonly rule: InstalledRule }
  /** A reverse path filter was written, for instance in /proc/sys, where no file can be watched. */
  | { readonly type: 'filter'; readonly gone: false; readonly filter: FilterSetting };

/**
 * Watches the network namespace that the calling thread is in when the monitor is made. Wait until
 * `fd` is readable, then call `read`.
 *
 * A router can change tens of thousands of routes per second in its main table. Their notifications
 * never reach this process: a filter in the kernel drops the routes of all tables below 256.
 */
export class RoutingMonitor {
  readonly #socket: NetlinkSocket = new NetlinkSocket(GROUPS);
  readonly #table: number;

  /** @param table the table whose routes are reported; 256 or more */
  constructor(table: number) {
    checkTable(table);
    this.#table = table;
    try {
      attachFilter(this.#socket.fd);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** -1 after `close`. */
  get fd(): number {
    return this.#socket.fd;
  }

  /**
   * Returns the changes since the last call, oldest first. Never blocks.
   *
   * @returns undefined if the kernel lost notifications. The caller must then read the state again;
   *   the queue is discarded.
   */
  read(): RoutingChange[] | undefined {
    const changes = this.#socket.notifications((message) => this.#change(message));
    // Queued notifications are older than the state that the caller will read.
    if (!changes) this.#socket.discardAll();
    return changes;
  }

  /** Closes the socket. May be called again. */
  close(): void {
    this.#socket.close();
  }

  #change({ type, payload }: NetlinkMessage): RoutingChange | undefined {
    if (type === RTM_NEWROUTE || type === RTM_DELROUTE) {
      const route = readRoute(payload);
      if (route?.table !== this.#table) return undefined;
      return { type: 'route', gone: type === RTM_DELROUTE, route };
    }
    if (type === RTM_NEWRULE || type === RTM_DELRULE) {
      const rule = readRule(payload);
      return rule && { type: 'rule', gone: type === RTM_DELRULE, rule };
    }
    if (type === RTM_NEWADDR || type === RTM_DELADDR) {
      const address = readAddress(payload);
      return address && { type: 'address', gone: type === RTM_DELADDR, address };
    }
    if (type === RTM_NEWNETCONF) {
      const filter = readFilterSetting(payload);
      return filter && { type: 'filter', gone: false, filter };
    }
    if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return undefined;
    const link = readLink(payload);
    return link && { type: 'link', gone: type === RTM_DELLINK, link };
  }
}

/**
 * Attaches a filter that drops routes of tables below 256.
 *
 * ```
 *   A = nlmsg_type, as big-endian              struct sock_filter: u16 code | u8 jt | u8 jf | u32 k
 *   RTM_NEWROUTE or RTM_DELROUTE? else pass    struct sock_fprog:  u16 length | pad | pointer
 *   A = rtm_table
 *   RT_TABLE_COMPAT (any table over 255)? pass, else drop
 * ```
 */
function attachFilter(fd: number): void {
  const program: readonly [code: number, jt: number, jf: number, k: number][] = [
    [LOAD_U16, 0, 0, TYPE_AT],
    [JUMP_IF_EQUAL, 1, 0, swapped(RTM_NEWROUTE)],
    [JUMP_IF_EQUAL, 0, 2, swapped(RTM_DELROUTE)],
    [LOAD_U8, 0, 0, TABLE_AT],
    [JUMP_IF_EQUAL, 0, 1, RT_TABLE_COMPAT],
    [RETURN, 0, 0, EVERYTHING],
    [RETURN, 0, 0, 0],
  ];
  const filters = allocate(program.length * FILTER_LENGTH);
  program.forEach(([code, jt, jf, k], i) => {
    const at = i * FILTER_LENGTH;
    filters.view.setUint16(at, code, true);
    filters.view.setUint8(at + 2, jt);
    filters.view.setUint8(at + 3, jf);
    filters.view.setUint32(at + 4, k, true);
  });
  const header = allocate(16);
  header.view.setUint16(0, program.length, true);
  header.view.setBigUint64(8, BigInt(filters.address), true);
  check(
    libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, header.address, 16),
    'setsockopt',
    'cannot filter notifications of routes',
  );
}

/** Swaps the bytes of a type: the filter reads big-endian, but the type is in host order. */
function swapped(type: number): number {
  return ((type & 0xff) << 8) | (type >>> 8);
}

const GROUPS =
  RTMGRP_LINK |
  RTMGRP_IPV4_IFADDR |
  RTMGRP_IPV4_NETCONF |
  RTMGRP_IPV4_ROUTE |
  RTMGRP_IPV4_RULE |
  RTMGRP_IPV6_IFADDR |
  RTMGRP_IPV6_ROUTE |
  RTMGRP_IPV6_RULE;
const SO_ATTACH_FILTER = 26;
const FILTER_LENGTH = 8;
/** BPF_LD | BPF_H | BPF_ABS, and so on. */
const LOAD_U16 = 0x28;
const LOAD_U8 = 0x30;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const EVERYTHING = 0xffff_ffff;
/** Offset of nlmsg_type in a message. */
const TYPE_AT = 4;
/** Offset of rtm_table in a message: 4 bytes into the struct rtmsg after the header. */
const TABLE_AT = 20;
