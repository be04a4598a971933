/**
 * Linux system calls and rtnetlink: the only room of Litz that knows the FFI.
 *
 * koffi is an optional dependency, loaded on first use: importing this module works everywhere.
 *
 * @module
 */
export * as linux from './constants.ts';
export { boottimeMs } from './boottime.ts';
export { EventFd } from './event-fd.ts';
export { koffi, libc, type Koffi, type Libc } from './libc.ts';
export { addressOf, allocate, type Region } from './memory.ts';
export type { Link, LinkChange, VethOptions } from './netlink/link.ts';
export type {
  AddressOptions,
  AssignedAddress,
  InterfaceAddress,
} from './netlink/interface-address.ts';
export { Netlink } from './netlink/netlink.ts';
export type { InstalledRoute, Route, RouteTo, RouteType } from './netlink/route.ts';
export type { InstalledRule, Rule } from './netlink/rule.ts';
export { hasNamespacePrivilege, NetworkNamespace } from './network-namespace.ts';
export { PollSet } from './poll-set.ts';
export { check, SystemError } from './system-error.ts';
