/**
 * `MessageCodec`: encodes and decodes protocol buffer messages from a table of their fields.
 * `@bufbuild/protobuf` reads and writes the bytes of the fields. This file only maps field numbers
 * to names and types.
 *
 * @module
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

export interface MessageCodec<T> {
  /**
   * Encodes a message. A field that is undefined is not written. The receiver treats such a field
   * as zero or empty.
   */
  encode(message: Partial<T>): Uint8Array;
  /**
   * Decodes a message. If `bytes` do not contain a field, its value becomes zero, false or empty.
   * If the type of that field is a message, its value becomes undefined.
   *
   * @throws {Error} the bytes are not a message, or a list has more than `MOST_ITEMS` items
   */
  decode(bytes: Uint8Array): T;
}

/**
 * The type of a field. An enumeration has the type `int32`. Unsigned numbers have the same types as
 * signed numbers.
 */
export type FieldType = 'bool' | 'bytes' | 'int32' | 'int64' | 'string' | MessageCodec<never>;

/** The number and the type of a field. `repeated`: the field is a list of values of this type. */
export type Field = readonly [number: number, type: unknown, repeated?: 'repeated'];

/** @param fields one row for each field of `T` */
export function messageCodec<T extends object>(fields: {
  readonly [Name in keyof NoInfer<T>]-?: Field;
}): MessageCodec<T> {
  const rows = Object.entries<Field>(fields);
  const byNumber = new Map(rows.map(([name, field]) => [field[0], { name, field }]));
  return {
    encode(message) {
      const writer = new BinaryWriter();
      for (const [name, [number, type, repeated]] of rows) {
        const value = (message as Record<string, unknown>)[name];
        if (value === undefined) continue;
        for (const item of repeated ? (value as unknown[]) : [value]) {
          writeField(writer, { number, type: type as FieldType, value: item });
        }
      }
      return writer.finish();
    },
    decode(bytes) {
      const message = Object.fromEntries(rows.map(([name, field]) => [name, defaultOf(field)]));
      const reader = new BinaryReader(bytes);
      while (reader.pos < reader.len) {
        const [number, wireType] = reader.tag();
        const known = byNumber.get(number);
        if (!known) {
          reader.skip(wireType, number);
          continue;
        }
        const value = readField(reader, known.field[1] as FieldType);
        if (known.field[2]) {
          const list = message[known.name] as unknown[];
          if (list.length >= MOST_ITEMS) {
            throw new RangeError(`"${known.name}" has more than ${MOST_ITEMS} items`);
          }
          list.push(value);
        } else message[known.name] = value;
      }
      return message as T;
    },
  };
}

function writeField(
  writer: BinaryWriter,
  { number, type, value }: { number: number; type: FieldType; value: unknown },
): void {
  if (typeof type === 'object') {
    writer.tag(number, WireType.LengthDelimited).bytes(type.encode(value as never));
    return;
  }
  switch (type) {
    case 'bool':
      writer.tag(number, WireType.Varint).bool(value as boolean);
      break;
    case 'int32':
      writer.tag(number, WireType.Varint).int32(value as number);
      break;
    case 'int64':
      writer.tag(number, WireType.Varint).int64(value as bigint);
      break;
    case 'bytes':
      writer.tag(number, WireType.LengthDelimited).bytes(value as Uint8Array);
      break;
    case 'string':
      writer.tag(number, WireType.LengthDelimited).string(value as string);
      break;
    default:
      throw new TypeError(`unknown field type: ${String(type satisfies never)}`);
  }
}

function readField(reader: BinaryReader, type: FieldType): unknown {
  if (typeof type === 'object') return type.decode(reader.bytes());
  switch (type) {
    case 'bool':
      return reader.bool();
    case 'int32':
      return reader.int32();
    case 'int64':
      return BigInt(reader.int64());
    case 'bytes':
      return reader.bytes();
    case 'string':
      return reader.string();
    default:
      return type satisfies never;
  }
}

function defaultOf([, type, repeated]: Field): unknown {
  if (repeated) return [];
  switch (type as FieldType) {
    case 'bool':
      return false;
    case 'int32':
      return 0;
    case 'int64':
      return 0n;
    case 'bytes':
      return new Uint8Array();
    case 'string':
      return '';
    default:
      return undefined;
  }
}

/**
 * The most items in a list. An empty item has two bytes in a message, and hundreds of bytes in
 * memory, so a hostile message could fill the memory without this limit. Real messages stay far
 * below the limit: Litz requests at most 500 keys at once, and a watch sends some thousands of
 * events at once.
 */
const MOST_ITEMS = 50_000;
