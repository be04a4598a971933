/**
 * Linux system calls and rtnetlink. This is the only package of Litz that loads the FFI (koffi);
 * `@litz/openssl` gets it from here.
 *
 * The FFI is an optional dependency and is loaded on first use. So importing this module works on
 * every system.
 *
 * @module
 */
export * as linux from './constants.ts';
export {
  checkAddress,
  checkBytes,
  checkDescriptor,
  checkFlag,
  checkFunction,
  checkInteger,
  checkObject,
  checkSpan,
  checkString,
} from './arguments.ts';
export { capabilitySet, readRights, type Capability, type ThreadRights } from './capability.ts';
export { boottimeMs, readRealtime, realtimeMs } from './clock.ts';
export { EventFd } from './event-fd.ts';
export { exchangeFiles } from './exchange-files.ts';
export { FileLock, FileLockedError } from './file-lock.ts';
export { interfaceIndex, interfaceName } from './interface-index.ts';
export { koffi, libc, type Koffi, type Libc } from './libc.ts';
export { LooseFilters, type FilterHost } from './loose-filters.ts';
export { addressOf, allocate, type Region } from './memory.ts';
export type { Link, LinkSettings, VethOptions } from './netlink/link.ts';
export type {
  AddressOptions,
  AssignedAddress,
  InterfaceAddress,
} from './netlink/interface-address.ts';
export { LinkMonitor, type LinkChange } from './netlink/link-monitor.ts';
export { MovedLink } from './netlink/moved-link.ts';
export { Netlink, type RouteChange } from './netlink/netlink.ts';
export { NftMonitor, type NftTableChange } from './netlink/nft-monitor.ts';
export { waitUntilRunning } from './netlink/wait-until-running.ts';
export type { InstalledRoute, Route, RouteTo, RouteToOptions, RouteType } from './netlink/route.ts';
export { RouteMonitor } from './netlink/route-monitor.ts';
export { type FilterSetting } from './netlink/link-setting.ts';
export { RoutingMonitor, type RoutingChange } from './netlink/routing-monitor.ts';
export type { InstalledRule, Rule, RulePrefix } from './netlink/rule.ts';
export {
  hasNamespacePrivilege,
  NetworkNamespace,
  networkNamespaceId,
} from './network-namespace.ts';
export { NotifySocket } from './notify-socket.ts';
export { forbidCoreDumps, lockMemory } from './protect-memory.ts';
export { onReadable, ReadableSignal } from './readable-signal.ts';
export { peerUserId, type PeerProcess } from './peer-user.ts';
export { PollSet } from './poll-set.ts';
export { replaceProcess, type ReplaceOptions } from './replace-process.ts';
export { SharedMemory } from './shared-memory.ts';
export { readSysctl, writeSysctl } from './sysctl.ts';
export { check, SystemError } from './system-error.ts';
export {
  allowRealtimePriority,
  setThreadPriority,
  type ThreadPriority,
} from './thread-priority.ts';
export { dropThreadRights, type UserChange } from './thread-rights.ts';
export { UnixChannel, UnixListener, type ChannelMessage } from './unix-channel.ts';
