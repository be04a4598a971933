/**
 * Tests reports of bad and missing records, which wait until two scans agree.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { RecordError, type ReadRecord } from '../../../src/record/node-record.ts';
import { DelayedReports } from '../../../src/registry/file/delayed-reports.ts';
import { recordOf } from '../../records.ts';

const good = new Map<string, ReadRecord>([['n1', recordOf(1)]]);
const bad = new Map<string, ReadRecord>([['n1', new RecordError('n1', 'text', 'is no JSON')]]);
const worse = new Map<string, ReadRecord>([['n1', new RecordError('n1', 'text', 'is empty')]]);
const none = new Map<string, ReadRecord>();

describe('DelayedReports', () => {
  test('reports a bad record when two polled scans have found the same error', () => {
    const held = new DelayedReports();
    expect(held.reportable(bad, good, true)).toEqual(good);
    expect(held.reportable(bad, good, false)).toEqual(good);
    expect(held.reportable(bad, good, true)).toEqual(bad);
  });

  test('waits for two more scans when the error changes, or when the record was good in between', () => {
    const held = new DelayedReports();
    held.reportable(bad, good, true);
    expect(held.reportable(worse, good, true)).toEqual(good);
    held.reportable(good, good, true);
    expect(held.reportable(worse, good, true)).toEqual(good);
    expect(held.reportable(worse, good, true)).toEqual(worse);
  });

  test('leaves out a bad record if its node was never reported', () => {
    expect(new DelayedReports().reportable(bad, none, true).size).toBe(0);
  });

  test('reports at once how a bad record changes', () => {
    expect(new DelayedReports().reportable(worse, bad, false)).toEqual(worse);
  });

  test('reports a missing record when two scans have not found it', () => {
    const held = new DelayedReports();
    expect(held.confirmedMissing(none, good)).toEqual([]);
    expect(held.isMissing).toBe(true);
    expect(held.confirmedMissing(none, good)).toEqual(['n1']);
    expect(held.isMissing).toBe(false);
  });

  test('forgets that a record was missing when it is back', () => {
    const held = new DelayedReports();
    held.confirmedMissing(none, good);
    held.confirmedMissing(good, good);
    expect(held.confirmedMissing(none, good)).toEqual([]);
  });
});
