/**
 * Tests how both formats write a record as text, and read it back.
 *
 * @module
 */
import { parseCidr } from '@litz/core';
import { describe, expect, test } from 'vitest';
import {
  ciliumFormat,
  NATIVE_FORMAT,
  readRecordText,
  revokeRecordText,
  writeRecordText,
} from '../../src/record/record-format.ts';
import { recordOf } from '../records.ts';

describe.each([
  ['NATIVE_FORMAT', NATIVE_FORMAT],
  ['ciliumFormat', ciliumFormat({ cluster: 'default' })],
])('%s', (_name, format) => {
  test('reads its own output', () => {
    const text = writeRecordText(format, recordOf(1), undefined)!;
    expect(readRecordText(format, 'n1', text)).toEqual(recordOf(1));
  });

  test('writes nothing if the text has the same content in another order', () => {
    const text = writeRecordText(format, recordOf(1), undefined)!;
    const value = JSON.parse(text) as Record<string, unknown>;
    const turned = JSON.stringify(Object.fromEntries(Object.entries(value).toReversed()), null, 1);
    expect(writeRecordText(format, recordOf(1), turned)).toBeUndefined();
    expect(writeRecordText(format, recordOf(1, { port: 1 }), turned)).toBeDefined();
  });

  test('keeps unknown fields over any number of writes', () => {
    let text = JSON.stringify({ zone: 'b' });
    for (const port of [1, 2, 3]) text = writeRecordText(format, recordOf(1, { port }), text)!;
    expect(JSON.parse(text)).toMatchObject({ zone: 'b' });
    expect(readRecordText(format, 'n1', text)).toMatchObject({ port: 3 });
  });

  test('refuses to write a record whose text is too long to be read back', () => {
    const prefixes = Array.from({ length: 9000 }, (_, i) =>
      parseCidr(`10.1.${i >> 8}.${i & 255}/32`),
    );
    const record = recordOf(1, { prefixes });
    expect(() => writeRecordText(format, record, undefined)).toThrow(/node n1: text: .* at most/);
  });

  test('refuses to read a text with thousands of nested levels, but a write replaces it', () => {
    const deep = `{"x":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;
    expect(readRecordText(format, 'n1', deep)).toMatchObject({
      reason: 'is nested more than 100 levels deep',
    });
    const text = writeRecordText(format, recordOf(1), deep)!;
    expect(readRecordText(format, 'n1', text)).toEqual(recordOf(1));
  });

  test.each(['', '{', 'null', '[]'])('replaces the bad text %j', (previous) => {
    const text = writeRecordText(format, recordOf(1), previous)!;
    expect(readRecordText(format, 'n1', text)).toEqual(recordOf(1));
  });
});

describe.each([
  ['NATIVE_FORMAT', NATIVE_FORMAT],
  ['ciliumFormat', ciliumFormat({ cluster: 'default' })],
])('revokeRecordText with %s', (_name, format) => {
  test('revokes the node once, and keeps everything else', () => {
    const text = writeRecordText(format, recordOf(1), JSON.stringify({ zone: 'b' }));
    const revoked = revokeRecordText(format, 'n1', text)!;
    expect(readRecordText(format, 'n1', revoked)).toMatchObject({ name: 'n1', revoked: true });
    expect(JSON.parse(revoked)).toMatchObject({ zone: 'b' });
    expect(revokeRecordText(format, 'n1', revoked)).toBeUndefined();
  });

  test.each([undefined, '{', '[]'])('revokes a node whose record is %j', (text) => {
    const revoked = revokeRecordText(format, 'n1', text)!;
    expect(readRecordText(format, 'n1', revoked)).toMatchObject({ name: 'n1', revoked: true });
  });

  test('is undone by writing the record', () => {
    const revoked = revokeRecordText(format, 'n1', undefined)!;
    const text = writeRecordText(format, recordOf(1), revoked)!;
    expect(readRecordText(format, 'n1', text)).toEqual(recordOf(1));
  });
});
