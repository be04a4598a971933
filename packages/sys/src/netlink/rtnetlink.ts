/**
 * Constants of rtnetlink, with the names of linux/netlink.h and linux/rtnetlink.h.
 *
 * @module
 */

/** linux/netlink.h: a flag of every request. */
export const NLM_F_REQUEST = 0x01;
/** linux/netlink.h: a flag of a request: the kernel confirms it. */
export const NLM_F_ACK = 0x04;
/** linux/netlink.h: flags of a request for all objects (NLM_F_ROOT | NLM_F_MATCH). */
export const NLM_F_DUMP = 0x300;
/** linux/netlink.h: a flag of a request: an existing object is replaced. */
export const NLM_F_REPLACE = 0x100;
/** linux/netlink.h: a flag of a request: it fails with EEXIST if the object exists. */
export const NLM_F_EXCL = 0x200;
/** linux/netlink.h: a flag of a request: the object is made if it does not exist. */
export const NLM_F_CREATE = 0x400;

/**
 * linux/netlink.h: a flag of an answer: objects changed during the dump, so it may be inconsistent.
 */
export const NLM_F_DUMP_INTR = 0x10;
/** linux/netlink.h: a flag of an answer: it does not contain the whole request. */
export const NLM_F_CAPPED = 0x100;
/** linux/netlink.h: a flag of an answer: attributes come after the error code. */
export const NLM_F_ACK_TLVS = 0x200;

/** linux/netlink.h: the type of a message with an error code. 0 confirms a request. */
export const NLMSG_ERROR = 2;
/** linux/netlink.h: the type of the last message of a dump. */
export const NLMSG_DONE = 3;

/** linux/rtnetlink.h: the type of a message that describes a link, or makes one. */
export const RTM_NEWLINK = 16;
/** linux/rtnetlink.h: the type of a message that reports a removed link, or removes one. */
export const RTM_DELLINK = 17;
/** linux/rtnetlink.h: the type of a request for a link, or for all of them. */
export const RTM_GETLINK = 18;
/** linux/rtnetlink.h: the type of a message that describes an address, or makes one. */
export const RTM_NEWADDR = 20;
/** linux/rtnetlink.h: the type of a message that reports a removed address, or removes one. */
export const RTM_DELADDR = 21;
/** linux/rtnetlink.h: the type of a request for an address, or for all of them. */
export const RTM_GETADDR = 22;
/** linux/rtnetlink.h: the type of a message that describes a route, or makes one. */
export const RTM_NEWROUTE = 24;
/** linux/rtnetlink.h: the type of a message that reports a removed route, or removes one. */
export const RTM_DELROUTE = 25;
/** linux/rtnetlink.h: the type of a request for a route, or for all of them. */
export const RTM_GETROUTE = 26;
/** linux/rtnetlink.h: the type of a message that describes a rule, or makes one. */
export const RTM_NEWRULE = 32;
/** linux/rtnetlink.h: the type of a message that reports a removed rule, or removes one. */
export const RTM_DELRULE = 33;
/** linux/rtnetlink.h: the type of a request for a rule, or for all of them. */
export const RTM_GETRULE = 34;
/**
 * linux/rtnetlink.h: the type of a message that describes settings of an interface in
 * net.ipv4.conf.
 */
export const RTM_NEWNETCONF = 80;
/**
 * linux/rtnetlink.h: the type of a message that describes the number of a namespace, or gives a
 * namespace a number.
 */
export const RTM_NEWNSID = 88;
/** linux/rtnetlink.h: the type of a message that reports the end of a namespace with a number. */
export const RTM_DELNSID = 89;
/** linux/rtnetlink.h: the type of a request for the number of a namespace. */
export const RTM_GETNSID = 90;

/** Names of requests, for errors. */
export const MESSAGE_NAMES: Readonly<Record<number, string>> = Object.freeze({
  [RTM_NEWLINK]: 'RTM_NEWLINK',
  [RTM_DELLINK]: 'RTM_DELLINK',
  [RTM_GETLINK]: 'RTM_GETLINK',
  [RTM_NEWADDR]: 'RTM_NEWADDR',
  [RTM_DELADDR]: 'RTM_DELADDR',
  [RTM_GETADDR]: 'RTM_GETADDR',
  [RTM_NEWROUTE]: 'RTM_NEWROUTE',
  [RTM_DELROUTE]: 'RTM_DELROUTE',
  [RTM_GETROUTE]: 'RTM_GETROUTE',
  [RTM_NEWRULE]: 'RTM_NEWRULE',
  [RTM_DELRULE]: 'RTM_DELRULE',
  [RTM_GETRULE]: 'RTM_GETRULE',
  [RTM_NEWNSID]: 'RTM_NEWNSID',
  [RTM_GETNSID]: 'RTM_GETNSID',
});

// Multicast groups, as bits of sockaddr_nl.nl_groups: 1 << (RTNLGRP_... - 1)

/** RTNLGRP_LINK, 1: changes of links. */
export const RTMGRP_LINK = 0x1;
/** RTNLGRP_IPV4_IFADDR, 5: changes of IPv4 addresses. */
export const RTMGRP_IPV4_IFADDR = 0x10;
/** RTNLGRP_IPV4_ROUTE, 7: changes of IPv4 routes. */
export const RTMGRP_IPV4_ROUTE = 0x40;
/** RTNLGRP_IPV4_RULE, 8: changes of IPv4 rules. */
export const RTMGRP_IPV4_RULE = 0x80;
/** RTNLGRP_IPV6_IFADDR, 9: changes of IPv6 addresses. */
export const RTMGRP_IPV6_IFADDR = 0x100;
/** RTNLGRP_IPV6_ROUTE, 11: changes of IPv6 routes. */
export const RTMGRP_IPV6_ROUTE = 0x400;
/** RTNLGRP_IPV6_RULE, 19: changes of IPv6 rules. */
export const RTMGRP_IPV6_RULE = 0x40000;
/** RTNLGRP_IPV4_NETCONF, 24: changes of settings of interfaces. */
export const RTMGRP_IPV4_NETCONF = 0x800000;
/** RTNLGRP_NSID, 28: changes of the numbers of namespaces. */
export const RTMGRP_NSID = 0x8000000;

/** linux/rtnetlink.h: no routing table is named. */
export const RT_TABLE_UNSPEC = 0;
/**
 * linux/rtnetlink.h: in a field of eight bits, this number stands for a table with a number above
 * 255.
 */
export const RT_TABLE_COMPAT = 252;
/** linux/rtnetlink.h: the routing table of routes that name no other table. */
export const RT_TABLE_MAIN = 254;
/**
 * linux/rtnetlink.h: the routing table of local and broadcast addresses, which the kernel
 * maintains.
 */
export const RT_TABLE_LOCAL = 255;
