/**
 * A slow, obvious reader of pcapng, for tests. It checks the lengths of blocks, the padding of
 * packets and the end of options.
 *
 * @module
 */

export interface ReadBlock {
  readonly type: number;
  readonly body: Buffer;
}

export interface ReadPacket {
  readonly interfaceId: number;
  /** Unix time in nanoseconds. */
  readonly time: bigint;
  readonly length: number;
  readonly bytes: Buffer;
  readonly isInbound: boolean;
  readonly lost: number;
  readonly comment: string | undefined;
}

/** @throws {Error} the bytes are not whole blocks */
export function readBlocks(bytes: Uint8Array): ReadBlock[] {
  const all = Buffer.from(bytes);
  const blocks: ReadBlock[] = [];
  for (let at = 0; at < all.length;) {
    const length = all.readUInt32LE(at + 4);
    if (length % 4 !== 0 || length < 12) throw new Error(`wrong length ${length} at ${at}`);
    if (all.readUInt32LE(at + length - 4) !== length) throw new Error(`no trailer at ${at}`);
    blocks.push({ type: all.readUInt32LE(at), body: all.subarray(at + 8, at + length - 4) });
    at += length;
  }
  return blocks;
}

export function readPacket({ type, body }: ReadBlock): ReadPacket {
  if (type !== 6) throw new Error(`expected a packet, got block ${type}`);
  const captured = body.readUInt32LE(12);
  const padding = body.subarray(20 + captured, 20 + padded(captured));
  if (!padding.every((byte) => byte === 0)) throw new Error('the padding is not zero');
  const options = readOptions(body.subarray(20 + padded(captured)));
  const flags = options.get(2)?.readUInt32LE(0) ?? 0;
  return {
    interfaceId: body.readUInt32LE(0),
    time: (BigInt(body.readUInt32LE(4)) << 32n) | BigInt(body.readUInt32LE(8)),
    length: body.readUInt32LE(16),
    bytes: body.subarray(20, 20 + captured),
    isInbound: (flags & 3) === 1,
    lost: Number(options.get(4)?.readBigUInt64LE(0) ?? 0n),
    comment: options.get(1)?.toString(),
  };
}

/** @throws {Error} the options do not end where they must */
export function readOptions(bytes: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  let at = 0;
  for (;;) {
    const code = bytes.readUInt16LE(at);
    const length = bytes.readUInt16LE(at + 2);
    if (code === 0) break;
    options.set(code, bytes.subarray(at + 4, at + 4 + length));
    at += 4 + padded(length);
  }
  if (at + 4 !== bytes.length) throw new Error('bytes follow the end of the options');
  return options;
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
