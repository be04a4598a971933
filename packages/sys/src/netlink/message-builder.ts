/**
 * `MessageBuilder`: builds one netlink message, which consists of a header, the family's fixed
 * structure, and attributes.
 *
 * ```
 * nlmsghdr:  u32 length | u16 type | u16 flags | u32 sequence | u32 port
 * attribute: u16 length | u16 type | value, padded to 4 bytes (the padding is not in the length)
 * ```
 *
 * The builder only produces bytes and uses no socket. Numbers are in host order, which is
 * little-endian here.
 *
 * @module
 */

/** sizeof(struct nlmsghdr) in bytes. */
export const MESSAGE_HEADER_LENGTH = 16;
/** sizeof(struct nlattr) in bytes. */
export const ATTRIBUTE_HEADER_LENGTH = 4;

/** Rounds up to a multiple of 4, because messages and attributes start at multiples of 4. */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** Every method except `finish` appends something and returns the builder. Values are copied. */
export class MessageBuilder {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = MESSAGE_HEADER_LENGTH;

  /** @param type `RTM_NEWLINK`, ... @param flags `NLM_F_REQUEST | ...` */
  constructor(type: number, flags: number) {
    this.#view.setUint16(4, type, true);
    this.#view.setUint16(6, flags, true);
  }

  /** Appends a fixed structure of the family: `length` zero bytes that `fill` writes into. */
  struct(length: number, fill: (view: DataView) => void): this {
    const at = this.#grow(length);
    fill(new DataView(this.#bytes.buffer, at, length));
    return this;
  }

  u8(type: number, value: number): this {
    const at = this.#attribute(type, 1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  bytes(type: number, value: Uint8Array): this {
    const at = this.#attribute(type, value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** Appends a name with its final zero byte. */
  string(type: number, value: string): this {
    const encoded = new TextEncoder().encode(value);
    const at = this.#attribute(type, encoded.length + 1);
    this.#bytes.set(encoded, at);
    return this;
  }

  /** Appends an attribute that contains everything that `fill` appends. */
  nested(type: number, fill: (builder: this) => void): this {
    const header = this.#attribute(type, 0) - ATTRIBUTE_HEADER_LENGTH;
    fill(this);
    this.#view.setUint16(header, this.#length - header, true);
    return this;
  }

  /**
   * Returns the whole message. It is a view of the builder's bytes; nothing may be appended after
   * this.
   */
  finish(sequence: number): Uint8Array {
    this.#view.setUint32(0, this.#length, true);
    this.#view.setUint32(8, sequence, true);
    return this.#bytes.subarray(0, this.#length);
  }

  /**
   * Appends an attribute's header and zero bytes for its value. Returns the offset of the value.
   */
  #attribute(type: number, valueLength: number): number {
    const at = this.#grow(ATTRIBUTE_HEADER_LENGTH + valueLength);
    this.#view.setUint16(at, ATTRIBUTE_HEADER_LENGTH + valueLength, true);
    this.#view.setUint16(at + 2, type, true);
    return at + ATTRIBUTE_HEADER_LENGTH;
  }

  /** Appends zero bytes, padded to 4. Returns their offset. */
  #grow(length: number): number {
    const at = this.#length;
    this.#length += align4(length);
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
