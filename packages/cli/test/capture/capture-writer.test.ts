import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { BlockSplitter } from '../../src/capture/block-splitter.ts';
import type { CaptureOutput } from '../../src/capture/capture-output.ts';
import { CaptureWriter, type CaptureWriterOptions } from '../../src/capture/capture-writer.ts';

const HEADER = block(0x0a0d0d0a, 28);
const PACKET = block(6, 100);
const KEYS = keysBlock('LOCAL_STATIC_PRIVATE_KEY=abc\n');
const STATISTICS = statisticsBlock(3);

describe('BlockSplitter', () => {
  it('finds the blocks of a stream that arrives in pieces of any size', () => {
    const stream = Buffer.concat([HEADER, PACKET, KEYS, STATISTICS]);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 40, size: 'max' }),
        (sizes) => {
          const splitter = new BlockSplitter();
          const blocks: Buffer[] = [];
          let at = 0;
          for (const size of [...sizes, stream.length]) {
            blocks.push(...splitter.push(stream.subarray(at, at + size)));
            at = Math.min(at + size, stream.length);
            expect(splitter.isUnfinished).toBe(Buffer.concat(blocks).length < at);
          }
          expect(blocks.map(String)).toEqual([HEADER, PACKET, KEYS, STATISTICS].map(String));
        },
      ),
    );
  });

  it('refuses a block length that is too short, too long or not a multiple of 4', () => {
    for (const length of [0, 8, 13, 2 ** 21]) {
      const wrong = Buffer.alloc(16);
      wrong.writeUInt32LE(length, 4);
      expect(() => new BlockSplitter().push(wrong)).toThrow('not a capture');
    }
  });
});

describe('CaptureWriter', () => {
  it('writes all packets if there are no limits, and the keys only to the key log', async () => {
    const { writer, output, keys } = open();
    await writer.push(Buffer.concat([HEADER, KEYS, PACKET]));
    await writer.push(Buffer.concat([PACKET, STATISTICS, STATISTICS]));
    expect(output.types()).toEqual([0x0a0d0d0a, 6, 6, 5, 5]);
    expect(keys.text()).toBe('LOCAL_STATIC_PRIVATE_KEY=abc\n');
    expect(writer).toMatchObject({ packets: 2, lost: 6, handshakes: 1, isComplete: true });
  });

  it('writes the keys into the capture too if `embedsKeys` is true', async () => {
    const { writer, output } = open({ embedsKeys: true });
    await writer.push(Buffer.concat([HEADER, KEYS, PACKET]));
    expect(output.types()).toEqual([0x0a0d0d0a, 10, 6]);
  });

  it('wipes the given bytes after it has written them', async () => {
    const { writer } = open();
    const bytes = Buffer.concat([HEADER, KEYS]);
    await writer.push(bytes);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it('after `count` packets, writes only the statistics', async () => {
    const { writer, output } = open({ count: 2 });
    await writer.push(Buffer.concat([HEADER, PACKET, PACKET, PACKET]));
    expect(writer.isFull).toBe(true);
    await writer.push(Buffer.concat([PACKET, STATISTICS, STATISTICS]));
    expect(output.types()).toEqual([0x0a0d0d0a, 6, 6, 5, 5]);
    expect(writer).toMatchObject({ packets: 2, isComplete: true });
  });

  it('reads why the daemon ended the capture, but does not write the reason if the file would be too long', async () => {
    const reason = 'why '.repeat(20);
    for (const [size, types] of [
      [Infinity, [0x0a0d0d0a, 5, 5]],
      [200, [0x0a0d0d0a, 5]],
    ] as const) {
      const { writer, output } = open({ size });
      await writer.push(Buffer.from(HEADER));
      await writer.push(Buffer.concat([STATISTICS, statisticsBlock(3, reason)]));
      expect(output.types()).toEqual(types);
      expect(writer).toMatchObject({ reason, lost: 6, isComplete: true });
    }
  });

  it('ends before the output is longer than `size`', async () => {
    const size = 700;
    const { writer, output } = open({ size });
    await writer.push(HEADER);
    for (let i = 0; i < 20; i++) await writer.push(Buffer.from(PACKET));
    await writer.push(Buffer.concat([STATISTICS, STATISTICS]));
    expect(output.length()).toBeLessThanOrEqual(size);
    expect(writer.packets).toBeGreaterThan(3);
  });
});

class Memory implements CaptureOutput {
  readonly #pieces: Buffer[] = [];

  async write(blocks: Uint8Array): Promise<void> {
    this.#pieces.push(Buffer.from(blocks));
  }

  async close(): Promise<void> {}

  types(): number[] {
    const splitter = new BlockSplitter();
    return this.#pieces.flatMap((piece) => splitter.push(piece)).map((one) => one.readUInt32LE(0));
  }

  length(): number {
    return Buffer.concat(this.#pieces).length;
  }

  text(): string {
    return Buffer.concat(this.#pieces).toString();
  }
}

function open(options: Partial<CaptureWriterOptions> = {}): {
  writer: CaptureWriter;
  output: Memory;
  keys: Memory;
} {
  const [output, keys] = [new Memory(), new Memory()];
  const rest = { embedsKeys: false, count: Infinity, size: Infinity, ...options };
  return { writer: new CaptureWriter({ output, keys, ...rest }), output, keys };
}

function block(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(length, type);
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(length, 4);
  bytes.writeUInt32LE(length, length - 4);
  return bytes;
}

function keysBlock(text: string): Buffer {
  const bytes = block(10, 16 + Math.ceil(text.length / 4) * 4 + 4);
  bytes.writeUInt32LE(text.length, 12);
  bytes.write(text, 16);
  return bytes;
}

function statisticsBlock(dropped: number, comment = ''): Buffer {
  const padded = (comment.length + 3) & ~3;
  const bytes = block(5, 20 + 12 + 12 + (comment === '' ? 0 : 4 + padded) + 4 + 4);
  for (const [i, code] of [4, 5].entries()) {
    const at = 20 + i * 12;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt16LE(8, at + 2);
    bytes.writeBigUInt64LE(BigInt(code === 5 ? dropped : 9), at + 4);
  }
  bytes.writeUInt32LE(0, bytes.length - 8);
  if (comment !== '') {
    bytes.writeUInt16LE(1, 44);
    bytes.writeUInt16LE(comment.length, 46);
    bytes.write(comment, 48);
  }
  return bytes;
}
