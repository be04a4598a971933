/**
 * Numbers of network namespaces (nsid), as rtnetlink messages. A namespace has its own numbers for
 * other namespaces.
 *
 * ```
 * rtgenmsg: u8 family
 * ```
 *
 * Pure functions: they convert messages to bytes and back.
 *
 * @module
 */
import { MessageBuilder } from './message-builder.ts';
import { readAttributes } from './message-reader.ts';
import { NLM_F_ACK, NLM_F_REQUEST, RTM_GETNSID, RTM_NEWNSID } from './rtnetlink.ts';

/** NETNSA_NSID_NOT_ASSIGNED: -1. In a request, this value lets the kernel choose the number. */
export const NO_NUMBER = 0xffffffff;

/** RTM_GETNSID for the namespace of a descriptor. */
export function namespaceNumberMessage(namespace: number): MessageBuilder {
  return message(RTM_GETNSID).u32(NETNSA_FD, namespace);
}

/** RTM_NEWNSID: assigns a number to the namespace of a descriptor. */
export function numberNamespaceMessage(namespace: number): MessageBuilder {
  return message(RTM_NEWNSID).u32(NETNSA_FD, namespace).u32(NETNSA_NSID, NO_NUMBER);
}

/** Returns the number of an RTM_NEWNSID payload; undefined if there is none. */
export function readNamespaceNumber(payload: Uint8Array): number | undefined {
  const number = readAttributes(payload, RTGENMSG_LENGTH).u32(NETNSA_NSID);
  return number === NO_NUMBER ? undefined : number;
}

function message(type: number): MessageBuilder {
  return new MessageBuilder(type, NLM_F_REQUEST | NLM_F_ACK).struct(RTGENMSG_LENGTH, () => {});
}

const RTGENMSG_LENGTH = 4;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;
