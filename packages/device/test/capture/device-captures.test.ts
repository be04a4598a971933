import { describe, expect, it } from 'vitest';
import { readCaptureOptions } from '../../src/capture/capture-options.ts';
import { CaptureLimitError, DeviceCaptures } from '../../src/capture/device-captures.ts';

const FILTER = readCaptureOptions({});

describe('DeviceCaptures', () => {
  it('starts and ends captures in the packet loop, at most 8 at a time', async () => {
    const captures = new DeviceCaptures();
    const sent: [type: string, id: number][] = [];
    const send = async ({ type, id }: { type: string; id: number }): Promise<undefined> => {
      sent.push([type, id]);
    };
    const running = [];
    for (let i = 0; i < 8; i++) running.push(await captures.start('wg0', FILTER, send));
    await expect(captures.start('wg0', FILTER, send)).rejects.toThrow(CaptureLimitError);
    await running[3].stop();
    expect(sent.slice(-2)).toEqual([
      ['capture', 8],
      ['end-capture', 4],
    ]);
    await captures.start('wg0', FILTER, send);
  });

  it('keeps nothing of a capture that the packet loop refused', async () => {
    const captures = new DeviceCaptures();
    for (let i = 0; i < 9; i++) {
      await expect(captures.start('wg0', FILTER, refuse)).rejects.toThrow('closed');
    }
  });

  it('uses the memory of ended captures again, cleared', async () => {
    const captures = new DeviceCaptures();
    const memories = new Set<SharedArrayBuffer>();
    const send = async (request: { type: string; memory?: SharedArrayBuffer }) => {
      if (!request.memory) return undefined;
      expect(new Uint8Array(request.memory).every((byte) => byte === 0)).toBe(true);
      new Int32Array(request.memory, 0, 16).fill(3, 4, 8);
      memories.add(request.memory);
      return undefined;
    };
    const small = readCaptureOptions({ bufferLength: 256 * 1024 });
    for (let round = 0; round < 5; round++) {
      const running = [];
      for (let i = 0; i < 8; i++) running.push(await captures.start('wg0', small, send));
      for (const capture of running) {
        // Reads only the header. Leaving the iteration stops the capture.
        for await (const _ of capture) break;
        expect(capture.counts).toEqual({ received: 6, dropped: 6 });
        // The next capture may use the same memory. That must not change the stopped capture.
        let pieces = 0;
        for await (const _ of capture) pieces++;
        expect(pieces).toBe(2);
      }
    }
    expect(memories.size).toBe(8);
  });

  it('ends all captures when the device ends', async () => {
    const captures = new DeviceCaptures();
    const capture = await captures.start('wg0', FILTER, () => Promise.resolve(undefined));
    const pieces: Uint8Array[] = [];
    const read = (async () => {
      for await (const piece of capture) pieces.push(piece);
    })();
    captures.finishAll('closed');
    await read;
    // The two pieces are the header and the statistics.
    expect(pieces.length).toBe(2);
  });
});

function refuse(): Promise<undefined> {
  return Promise.reject(new Error('closed'));
}
