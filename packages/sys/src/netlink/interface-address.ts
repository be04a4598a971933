/**
 * Addresses of interfaces as rtnetlink messages.
 *
 * ```
 * ifaddrmsg: u8 family | u8 prefix length | u8 flags | u8 scope | u32 interface index
 * ```
 *
 * Pure functions: they convert messages to bytes and back.
 *
 * @module
 */
import { familyOf } from './address-family.ts';
import { MessageBuilder } from './message-builder.ts';
import { readAttributes, viewOf } from './message-reader.ts';
import {
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from './rtnetlink.ts';

/** An address of an interface, with its prefix. */
export interface InterfaceAddress {
  /** The interface's own address: 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Bits of the network's prefix: 0 to 32 or 128. */
  readonly prefixLength: number;
  /** The address of the other end of a point-to-point link. Default: none. */
  readonly peer?: Uint8Array;
}

/** Options of `Netlink.addAddress`. */
export interface AddressOptions {
  /** IPv6: the address can be used at once, without duplicate address detection. */
  noDad?: boolean;
  /** Makes no route for the prefix. */
  noPrefixRoute?: boolean;
}

/** An address that the kernel has assigned to an interface. */
export interface AssignedAddress extends InterfaceAddress {
  /** The number of the link. */
  readonly interfaceIndex: number;
  /** RT_SCOPE_...: 0 global, 253 link, 254 host. */
  readonly scope: number;
  /** IPv6: duplicate address detection is still in progress. */
  readonly tentative: boolean;
}

/** RTM_NEWADDR of a new address. The kernel refuses an address that exists already. */
export function addAddressMessage(
  interfaceIndex: number,
  address: InterfaceAddress,
  options: AddressOptions,
): MessageBuilder {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
  const builder = addressMessage(RTM_NEWADDR, flags | NLM_F_EXCL, interfaceIndex, address);
  return withOptions(builder, options);
}

/** RTM_NEWADDR that adds an address. If the address exists already, the kernel sets its options. */
export function replaceAddressMessage(
  interfaceIndex: number,
  address: InterfaceAddress,
  options: AddressOptions,
): MessageBuilder {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  return withOptions(addressMessage(RTM_NEWADDR, flags, interfaceIndex, address), options);
}

/** RTM_DELADDR of one address. */
export function deleteAddressMessage(
  interfaceIndex: number,
  address: InterfaceAddress,
): MessageBuilder {
  return addressMessage(RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK, interfaceIndex, address);
}

/** RTM_GETADDR of all addresses of all links. */
export function dumpAddressesMessage(): MessageBuilder {
  const builder = new MessageBuilder(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
  return builder.struct(IFADDRMSG_LENGTH, () => {});
}

/**
 * Returns the address of an RTM_NEWADDR or RTM_DELADDR payload; undefined if the payload is
 * incomplete or has no IP address.
 */
export function readAddress(payload: Uint8Array): AssignedAddress | undefined {
  if (payload.length < IFADDRMSG_LENGTH) return undefined;
  const view = viewOf(payload);
  const attributes = readAttributes(payload, IFADDRMSG_LENGTH);
  // IPv6 has IFA_LOCAL besides IFA_ADDRESS only on point-to-point links. IPv4 always has both
  // attributes; their values are equal except on point-to-point links.
  const remote = attributes.bytes(IFA_ADDRESS);
  const local = attributes.bytes(IFA_LOCAL) ?? remote;
  if (!local || (local.length !== 4 && local.length !== 16)) return undefined;
  const hasPeer = remote !== undefined && remote.some((byte, i) => byte !== local[i]);
  const flags = attributes.u32(IFA_FLAGS) ?? view.getUint8(2);
  return {
    interfaceIndex: view.getUint32(4, true),
    address: local,
    prefixLength: view.getUint8(1),
    ...(hasPeer ? { peer: remote } : {}),
    scope: view.getUint8(3),
    tentative: (flags & IFA_F_TENTATIVE) !== 0,
  };
}

function addressMessage(
  type: number,
  flags: number,
  interfaceIndex: number,
  { address, prefixLength, peer }: InterfaceAddress,
): MessageBuilder {
  return new MessageBuilder(type, flags)
    .struct(IFADDRMSG_LENGTH, (view) => {
      view.setUint8(0, familyOf(address));
      view.setUint8(1, prefixLength);
      view.setUint32(4, interfaceIndex, true);
    })
    .bytes(IFA_LOCAL, address)
    .bytes(IFA_ADDRESS, peer ?? address);
}

function withOptions(builder: MessageBuilder, options: AddressOptions): MessageBuilder {
  const noDad = options.noDad ? IFA_F_NODAD : 0;
  const noPrefixRoute = options.noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0;
  return noDad | noPrefixRoute ? builder.u32(IFA_FLAGS, noDad | noPrefixRoute) : builder;
}

const IFADDRMSG_LENGTH = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_NOPREFIXROUTE = 0x200;
