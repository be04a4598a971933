/**
 * Records as texts.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import {
  ciliumFormat,
  NATIVE_FORMAT,
  readRecordText,
  writeRecordText,
} from '../../src/record/record-format.ts';
import { recordOf } from '../records.ts';

describe.each([
  ['NATIVE_FORMAT', NATIVE_FORMAT],
  ['ciliumFormat', ciliumFormat({ cluster: 'default' })],
])('%s', (_name, format) => {
  test('reads what it wrote', () => {
    const text = writeRecordText(format, recordOf(1), undefined)!;
    expect(readRecordText(format, 'n1', text)).toEqual(recordOf(1));
  });

  test('has nothing to write where the same stands already, in another order', () => {
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

  test.each(['', '{', 'null', '[]'])('writes over %j', (previous) => {
    const text = writeRecordText(format, recordOf(1), previous)!;
    expect(readRecordText(format, 'n1', text)).toEqual(recordOf(1));
  });
});
