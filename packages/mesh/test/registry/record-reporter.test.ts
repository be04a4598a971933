/**
 * Tests what a registry reports to its listener.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { RecordError } from '../../src/record/node-record.ts';
import { MOST_RECORDS, RecordReporter } from '../../src/registry/record-reporter.ts';
import { recordOf } from '../records.ts';
import { RecordingListener } from './recording-listener.ts';

describe('RecordReporter', () => {
  test('before a new list, reports which records are missing from it, and why', () => {
    const { reporter, listener } = following(1, 2, 3);
    reporter.sync(new Map([['n3', recordOf(3)]]), (name) =>
      name === 'n1' ? 'expired' : 'deleted',
    );
    expect(listener.heard.slice(1)).toEqual([
      { what: 'gone', name: 'n1', why: 'expired' },
      { what: 'gone', name: 'n2', why: 'deleted' },
      { what: 'sync', names: ['n3'] },
    ]);
  });

  test('reports a revoked record as deleted, and leaves it out of the list', () => {
    const { reporter, listener } = following();
    const records = new Map([
      ['n1', recordOf(1, { revoked: true })],
      ['n2', recordOf(2)],
    ]);
    reporter.sync(records, () => 'deleted');
    reporter.record('n2', recordOf(2, { revoked: true }));
    expect(listener.heard.slice(1)).toEqual([
      { what: 'gone', name: 'n1', why: 'deleted' },
      { what: 'sync', names: ['n2'] },
      { what: 'gone', name: 'n2', why: 'deleted' },
    ]);
  });

  test('reports a revocation once, and the node when it is back', () => {
    const { reporter, listener } = following(1);
    const revoked = recordOf(1, { revoked: true });
    reporter.record('n1', revoked);
    reporter.record('n1', revoked);
    reporter.sync(new Map([['n1', revoked]]), () => 'deleted');
    reporter.record('n1', recordOf(1));
    reporter.record('n1', revoked);
    reporter.gone('n1', 'deleted');
    expect(listener.heard.slice(1).map(({ what }) => what)).toEqual([
      'gone',
      'sync',
      'record',
      'gone',
    ]);
  });

  test('accepts at most MOST_RECORDS records, reports a trouble, and accepts new records when there are fewer', () => {
    const { reporter, listener } = following();
    const record = recordOf(1);
    const list = (count: number): Map<string, typeof record> =>
      new Map(Array.from({ length: count }, (_, i) => [`n${i}`, record]));
    reporter.sync(list(MOST_RECORDS), () => 'deleted');
    listener.heard.length = 0;
    reporter.record('late', record);
    reporter.record('n0', recordOf(2));
    reporter.sync(list(MOST_RECORDS + 1), () => 'deleted');
    expect(listener.heard.map(({ what }) => what)).toEqual(['connection', 'record']);
    expect(reporter.reported.size).toBe(MOST_RECORDS);
    expect(reporter.reported.has('late')).toBe(false);
    listener.heard.length = 0;
    reporter.sync(new Map([['n0', recordOf(2)]]), () => 'deleted');
    reporter.record('late', record);
    expect(listener.heard.map(({ what }) => what).filter((what) => what !== 'gone')).toEqual([
      'connection',
      'sync',
      'record',
    ]);
  });

  test('reports an unchanged record only once, good or bad', () => {
    const { reporter, listener } = following(1);
    reporter.record('n1', recordOf(1));
    reporter.record('n2', new RecordError('n2', 'port', 'is bad'));
    reporter.record('n2', new RecordError('n2', 'port', 'is bad'));
    reporter.record('n2', new RecordError('n2', 'port', 'is worse'));
    reporter.record('n2', recordOf(2));
    expect(listener.heard.slice(1)).toHaveLength(3);
  });

  test('does not report a node as gone if it never reported that node', () => {
    const { reporter, listener } = following();
    reporter.gone('n1', 'expired');
    expect(listener.heard).toHaveLength(1);
  });

  test('reports a problem of the connection only when it changes', () => {
    const { reporter, listener } = following();
    for (const trouble of [undefined, 'away', 'away', 'refused', undefined, undefined]) {
      reporter.connection(trouble);
    }
    expect(listener.heard.slice(1)).toEqual([
      { what: 'connection', trouble: 'away' },
      { what: 'connection', trouble: 'refused' },
      { what: 'connection', trouble: undefined },
    ]);
  });

  test('reports nothing after it was closed', () => {
    const { reporter, listener } = following(1);
    reporter.close();
    reporter.sync(new Map(), () => 'deleted');
    reporter.record('n2', recordOf(2));
    reporter.gone('n1', 'deleted');
    reporter.connection('away');
    expect(listener.heard).toHaveLength(1);
  });

  test('returns the reported records without the revoked ones', () => {
    const { reporter } = following(1);
    reporter.record('n2', recordOf(2));
    reporter.record('n1', recordOf(1, { revoked: true }));
    expect([...reporter.reported]).toEqual([['n2', recordOf(2)]]);
  });
});

function following(...numbers: number[]): {
  reporter: RecordReporter;
  listener: RecordingListener;
} {
  const listener = new RecordingListener();
  const reporter = new RecordReporter(listener);
  reporter.sync(
    new Map(numbers.map((number) => [`n${number}`, recordOf(number)])),
    () => 'deleted',
  );
  return { reporter, listener };
}
