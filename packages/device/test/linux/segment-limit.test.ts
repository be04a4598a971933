import { SystemError, type LinkSettings } from '@litz/sys';
import { describe, expect, it } from 'vitest';
import { limitSegments } from '../../src/linux/segment-limit.ts';

describe('limitSegments', () => {
  it.each<[mtu: number, gsoMaxSegments: number]>([
    [68, 64], // UDP_MAX_SEGMENTS
    [991, 64], // 64 messages of 1,023 bytes are 65,472 bytes
    [992, 63],
    [1420, 45], // 45 messages of 1,452 bytes are 65,340 bytes
    [32721, 2], // two messages of 32,753 bytes are 65,506 bytes
    [32722, 1],
    [65535, 1], // no message fits
  ])('for an MTU of %i bytes allows %i segments', (mtu, gsoMaxSegments) => {
    const changes: unknown[] = [];
    const setLink = (index: number, change: LinkSettings) => void changes.push([index, change]);
    limitSegments({ SystemError }, { setLink }, 7, mtu);
    expect(changes).toEqual([[7, { gsoMaxSegments }]]);
  });

  it('ignores an error of the kernel, and no other error', () => {
    expect(() => failWith(new SystemError('RTM_NEWLINK', 1))).not.toThrow();
    expect(() => failWith(new TypeError('wrong'))).toThrow('wrong');
  });
});

function failWith(error: Error): void {
  const setLink = (): never => {
    throw error;
  };
  limitSegments({ SystemError }, { setLink }, 7, 1420);
}
