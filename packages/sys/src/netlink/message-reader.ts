/**
 * Reads netlink messages and their attributes.
 *
 * The functions are pure and never read out of bounds. An incomplete message or attribute, or one
 * with an impossible length, ends the reading; everything before it is returned.
 *
 * @module
 */
import { align4, ATTRIBUTE_HEADER_LENGTH, MESSAGE_HEADER_LENGTH } from './message-builder.ts';

/**
 * One message in a datagram from the kernel: the fields of its nlmsghdr, and the rest of the
 * message.
 */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The message without its header. A view, valid as long as the bytes that were read. */
  readonly payload: Uint8Array;
}

/** Returns all complete messages of a received datagram. */
export function readMessages(bytes: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  const view = viewOf(bytes);
  let at = 0;
  while (at + MESSAGE_HEADER_LENGTH <= bytes.length) {
    const length = view.getUint32(at, true);
    if (length < MESSAGE_HEADER_LENGTH || length > bytes.length - at) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: bytes.subarray(at + MESSAGE_HEADER_LENGTH, at + length),
    });
    at += align4(length);
  }
  return messages;
}

/**
 * Returns the attributes in `bytes` from `offset` (after the family's fixed structure) to the end.
 */
export function readAttributes(bytes: Uint8Array, offset = 0): Attributes {
  const values = new Map<number, Uint8Array>();
  const view = viewOf(bytes);
  let at = offset;
  while (at + ATTRIBUTE_HEADER_LENGTH <= bytes.length) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_LENGTH || length > bytes.length - at) break;
    const type = view.getUint16(at + 2, true) & ATTRIBUTE_TYPE_MASK;
    values.set(type, bytes.subarray(at + ATTRIBUTE_HEADER_LENGTH, at + length));
    at += align4(length);
  }
  return new Attributes(values);
}

/**
 * Attributes by type. If a type occurs several times, the last one is used. A value that is too
 * short counts as absent.
 */
export class Attributes {
  readonly #values: ReadonlyMap<number, Uint8Array>;

  constructor(values: ReadonlyMap<number, Uint8Array>) {
    this.#values = values;
  }

  u8(type: number): number | undefined {
    return this.#values.get(type)?.[0];
  }

  u32(type: number): number | undefined {
    const value = this.#values.get(type);
    return value && value.length >= 4 ? viewOf(value).getUint32(0, true) : undefined;
  }

  /** Returns a copy of the value. */
  bytes(type: number): Uint8Array | undefined {
    return this.#values.get(type)?.slice();
  }

  /** Returns the text up to the zero byte, or to the end if there is none. */
  string(type: number): string | undefined {
    const value = this.#values.get(type);
    if (!value) return undefined;
    const end = value.indexOf(0);
    return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
  }

  /** Returns the attributes that are nested in an attribute; no attributes if it is absent. */
  nested(type: number): Attributes {
    return readAttributes(this.#values.get(type) ?? new Uint8Array(0));
  }
}

/** Returns a DataView of exactly these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Removes the two upper bits, NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;
