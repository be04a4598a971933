import { describe, expect, it } from 'vitest';
import { findNode, parseBinary } from '../../src/nodes/node-binary.ts';
import { moveSubjectToFigure } from '../../src/nodes/nodes.ts';

describe('findNode', () => {
  it('returns the binary of this process for the version of this process', async () => {
    const { node } = process.versions;
    expect(await findNode(Number.parseInt(node, 10))).toEqual({
      path: process.execPath,
      version: node,
    });
  });
});

describe('parseBinary', () => {
  it('reads the last line, and a path with spaces', () => {
    const output = 'npm notice something\n22.23.3 /a b/bin/node\n';
    expect(parseBinary(output, 22)).toEqual({ version: '22.23.3', path: '/a b/bin/node' });
  });

  it.each(['', '20.20.2 /a/bin/node', '22.23.3'])('refuses %j', (output) => {
    expect(() => parseBinary(output, 22)).toThrow(RangeError);
  });
});

describe('moveSubjectToFigure', () => {
  it('keeps the subject in the name of the figure', () => {
    const measurement = { figure: 'AEAD seal', subject: 'noble', unit: 'ns', value: 4 };
    expect(moveSubjectToFigure([measurement], 'Node 22.23.3')).toEqual([
      { figure: 'AEAD seal, noble', subject: 'Node 22.23.3', unit: 'ns', value: 4 },
    ]);
  });
});
