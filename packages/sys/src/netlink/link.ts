/**
 * Links (network interfaces) as rtnetlink messages.
 *
 * ```
 * ifinfomsg: u8 family | u8 padding | u16 type | i32 index | u32 flags | u32 change mask
 * ```
 *
 * Pure functions: they convert messages to bytes and back.
 *
 * @module
 */
import { AF_INET, AF_INET6 } from '../constants.ts';
import { MessageBuilder } from './message-builder.ts';
import { readAttributes, viewOf } from './message-reader.ts';
import {
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
} from './rtnetlink.ts';

/** A network interface. */
export interface Link {
  /** The number of the link in its namespace. */
  readonly index: number;
  readonly name: string;
  /** In bytes. */
  readonly mtu: number;
  /** IFF_...; `up` and `running` are two of these flags. */
  readonly flags: number;
  /** Whether an administrator has set the link up. */
  readonly up: boolean;
  /** Whether the link can carry packets. The kernel may report a change about 100 ms late. */
  readonly running: boolean;
  /** 'tun', 'veth', 'dummy', 'wireguard', ...; undefined for a physical link and for lo. */
  readonly kind: string | undefined;
  /** The link-layer address; empty if there is none (TUN). */
  readonly address: Uint8Array;
  /** In packets. */
  readonly txQueueLength: number;
}

/** Settings to change. Settings that are absent stay as they are. */
export interface LinkSettings {
  /** Sets the link up or down. */
  up?: boolean;
  /** In bytes. */
  mtu?: number;
  /** A new name; at most 15 bytes. */
  name?: string;
  /** In packets. */
  txQueueLength?: number;
  /**
   * Descriptor of a network namespace that the link is moved to. The link leaves its present
   * namespace and loses its addresses.
   */
  netns?: number;
  /**
   * `net.ipv4.conf.NAME.rp_filter`: 0 none, 1 strict, 2 loose. Also works if /proc/sys cannot be
   * written.
   */
  reversePathFilter?: 0 | 1 | 2;
  /**
   * How an IPv6 link-local address is made when the link goes up: from its link-layer address
   * ('eui64'), or not at all ('none').
   */
  ipv6AddressGeneration?: 'eui64' | 'none';
}

/** Options of `Netlink.createVeth`. */
export interface VethOptions {
  /** The MTU of both ends in bytes. Default: 1500. */
  mtu?: number;
  /** Descriptor of the namespace in which the second end is made. Default: the same namespace. */
  peerNetns?: number;
}

/**
 * RTM_GETLINK of one link. `nsid` is the number of the link's namespace; absent: the namespace of
 * the socket.
 */
export function queryLinkMessage(link: number | string, nsid?: number): MessageBuilder {
  const builder = new MessageBuilder(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK);
  ifinfomsg(builder, typeof link === 'number' ? link : 0);
  if (nsid !== undefined) builder.u32(IFLA_TARGET_NETNSID, nsid);
  return typeof link === 'string' ? builder.string(IFLA_IFNAME, link) : builder;
}

/** RTM_GETLINK of all links. */
export function dumpLinksMessage(): MessageBuilder {
  return ifinfomsg(new MessageBuilder(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP), 0);
}

/** RTM_NEWLINK of an existing link. Settings that are undefined stay. */
export function setLinkMessage(index: number, change: LinkSettings): MessageBuilder {
  const builder = new MessageBuilder(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK);
  ifinfomsg(builder, index, change.up);
  if (change.mtu !== undefined) builder.u32(IFLA_MTU, change.mtu);
  if (change.name !== undefined) builder.string(IFLA_IFNAME, change.name);
  if (change.txQueueLength !== undefined) builder.u32(IFLA_TXQLEN, change.txQueueLength);
  if (change.netns !== undefined) builder.u32(IFLA_NET_NS_FD, change.netns);
  return withFamilySettings(builder, change);
}

/** RTM_DELLINK of the link with this number. */
export function deleteLinkMessage(index: number): MessageBuilder {
  return ifinfomsg(new MessageBuilder(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK), index);
}

/** RTM_NEWLINK of a kind that needs no further settings: 'dummy', 'bridge', ... */
export function createLinkMessage(name: string, kind: string): MessageBuilder {
  return newLink(name).nested(IFLA_LINKINFO, (info) => info.string(IFLA_INFO_KIND, kind));
}

/**
 * RTM_NEWLINK of a veth pair. The message of the second end is nested in the message of the first
 * end.
 */
export function createVethMessage(
  name: string,
  peerName: string,
  options: VethOptions,
): MessageBuilder {
  const builder = newLink(name);
  if (options.mtu !== undefined) builder.u32(IFLA_MTU, options.mtu);
  return builder.nested(IFLA_LINKINFO, (info) => {
    info.string(IFLA_INFO_KIND, 'veth');
    info.nested(IFLA_INFO_DATA, (data) => {
      data.nested(VETH_INFO_PEER, (peer) => {
        ifinfomsg(peer, 0).string(IFLA_IFNAME, peerName);
        if (options.mtu !== undefined) peer.u32(IFLA_MTU, options.mtu);
        if (options.peerNetns !== undefined) peer.u32(IFLA_NET_NS_FD, options.peerNetns);
      });
    });
  });
}

/**
 * Returns the link of an RTM_NEWLINK or RTM_DELLINK payload; undefined if the payload is
 * incomplete, or describes a port of a bridge.
 */
export function readLink(payload: Uint8Array): Link | undefined {
  if (payload.length < IFINFOMSG_LENGTH) return undefined;
  const view = viewOf(payload);
  // Bridges report their ports in the same kind of message, with a family other than 0.
  if (view.getUint8(0) !== 0) return undefined;
  const flags = view.getUint32(8, true);
  const attributes = readAttributes(payload, IFINFOMSG_LENGTH);
  return {
    index: view.getInt32(4, true),
    name: attributes.string(IFLA_IFNAME) ?? '',
    mtu: attributes.u32(IFLA_MTU) ?? 0,
    flags,
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0,
    kind: attributes.nested(IFLA_LINKINFO).string(IFLA_INFO_KIND),
    address: attributes.bytes(IFLA_ADDRESS) ?? new Uint8Array(0),
    txQueueLength: attributes.u32(IFLA_TXQLEN) ?? 0,
  };
}

function withFamilySettings(builder: MessageBuilder, change: LinkSettings): MessageBuilder {
  const { reversePathFilter, ipv6AddressGeneration } = change;
  if (reversePathFilter === undefined && ipv6AddressGeneration === undefined) return builder;
  return builder.nested(IFLA_AF_SPEC, (families) => {
    if (reversePathFilter !== undefined) {
      families.nested(AF_INET, (ipv4) =>
        ipv4.nested(IFLA_INET_CONF, (values) =>
          values.u32(IPV4_DEVCONF_RP_FILTER, reversePathFilter),
        ),
      );
    }
    if (ipv6AddressGeneration !== undefined) {
      families.nested(AF_INET6, (ipv6) =>
        ipv6.u8(IFLA_INET6_ADDR_GEN_MODE, GENERATION_MODES[ipv6AddressGeneration]),
      );
    }
  });
}

function newLink(name: string): MessageBuilder {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  return ifinfomsg(new MessageBuilder(RTM_NEWLINK, flags), 0).string(IFLA_IFNAME, name);
}

function ifinfomsg(builder: MessageBuilder, index: number, up?: boolean): MessageBuilder {
  return builder.struct(IFINFOMSG_LENGTH, (view) => {
    view.setInt32(4, index, true);
    if (up === undefined) return;
    view.setUint32(8, up ? IFF_UP : 0, true);
    view.setUint32(12, IFF_UP, true);
  });
}

const IFINFOMSG_LENGTH = 16;
const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_TXQLEN = 13;
const IFLA_LINKINFO = 18;
const IFLA_AF_SPEC = 26;
const IFLA_NET_NS_FD = 28;
const IFLA_TARGET_NETNSID = 46;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
/**
 * Part of IFLA_AF_SPEC. In a request it is a list of attributes; the type of each is the number of
 * a setting. In an answer it is a plain array of numbers instead.
 */
const IFLA_INET_CONF = 1;
const IPV4_DEVCONF_RP_FILTER = 8;
const IFLA_INET6_ADDR_GEN_MODE = 8;
/** Values of IN6_ADDR_GEN_MODE_... */
const GENERATION_MODES = { eui64: 0, none: 1 } as const;
