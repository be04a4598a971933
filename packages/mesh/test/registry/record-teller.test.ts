/**
 * What a registry tells its listener.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { RecordError } from '../../src/record/node-record.ts';
import { MOST_RECORDS, RecordTeller } from '../../src/registry/record-teller.ts';
import { recordOf } from '../records.ts';
import { RecordingListener } from './recording-listener.ts';

describe('RecordTeller', () => {
  test('tells of what is missing in a new list that it is gone, and why, before the list', () => {
    const { teller, listener } = following(1, 2, 3);
    teller.sync(new Map([['n3', recordOf(3)]]), (name) => (name === 'n1' ? 'expired' : 'deleted'));
    expect(listener.heard.slice(1)).toEqual([
      { what: 'gone', name: 'n1', why: 'expired' },
      { what: 'gone', name: 'n2', why: 'deleted' },
      { what: 'sync', names: ['n3'] },
    ]);
  });

  test('tells of a revoked record that it is deleted, and leaves it out of the list', () => {
    const { teller, listener } = following();
    const records = new Map([
      ['n1', recordOf(1, { revoked: true })],
      ['n2', recordOf(2)],
    ]);
    teller.sync(records, () => 'deleted');
    teller.record('n2', recordOf(2, { revoked: true }));
    expect(listener.heard.slice(1)).toEqual([
      { what: 'gone', name: 'n1', why: 'deleted' },
      { what: 'sync', names: ['n2'] },
      { what: 'gone', name: 'n2', why: 'deleted' },
    ]);
  });

  test('tells of a revocation once, and of the node when it is back', () => {
    const { teller, listener } = following(1);
    const revoked = recordOf(1, { revoked: true });
    teller.record('n1', revoked);
    teller.record('n1', revoked);
    teller.sync(new Map([['n1', revoked]]), () => 'deleted');
    teller.record('n1', recordOf(1));
    teller.record('n1', revoked);
    teller.gone('n1', 'deleted');
    expect(listener.heard.slice(1).map(({ what }) => what)).toEqual([
      'gone',
      'sync',
      'record',
      'gone',
    ]);
  });

  test('takes no more records than it may, says so, and takes them when there are fewer', () => {
    const { teller, listener } = following();
    const record = recordOf(1);
    const list = (count: number): Map<string, typeof record> =>
      new Map(Array.from({ length: count }, (_, i) => [`n${i}`, record]));
    teller.sync(list(MOST_RECORDS), () => 'deleted');
    listener.heard.length = 0;
    teller.record('late', record);
    teller.record('n0', recordOf(2));
    teller.sync(list(MOST_RECORDS + 1), () => 'deleted');
    expect(listener.heard.map(({ what }) => what)).toEqual(['connection', 'record']);
    expect(teller.told.size).toBe(MOST_RECORDS);
    expect(teller.told.has('late')).toBe(false);
    listener.heard.length = 0;
    teller.sync(new Map([['n0', recordOf(2)]]), () => 'deleted');
    teller.record('late', record);
    expect(listener.heard.map(({ what }) => what).filter((what) => what !== 'gone')).toEqual([
      'connection',
      'sync',
      'record',
    ]);
  });

  test('tells of no record twice, good or bad', () => {
    const { teller, listener } = following(1);
    teller.record('n1', recordOf(1));
    teller.record('n2', new RecordError('n2', 'port', 'is bad'));
    teller.record('n2', new RecordError('n2', 'port', 'is bad'));
    teller.record('n2', new RecordError('n2', 'port', 'is worse'));
    teller.record('n2', recordOf(2));
    expect(listener.heard.slice(1)).toHaveLength(3);
  });

  test('tells nothing of the going of a node that it never told of', () => {
    const { teller, listener } = following();
    teller.gone('n1', 'expired');
    expect(listener.heard).toHaveLength(1);
  });

  test('tells of trouble when it changes', () => {
    const { teller, listener } = following();
    for (const trouble of [undefined, 'away', 'away', 'refused', undefined, undefined]) {
      teller.connection(trouble);
    }
    expect(listener.heard.slice(1)).toEqual([
      { what: 'connection', trouble: 'away' },
      { what: 'connection', trouble: 'refused' },
      { what: 'connection', trouble: undefined },
    ]);
  });

  test('tells nothing when it is closed', () => {
    const { teller, listener } = following(1);
    teller.close();
    teller.sync(new Map(), () => 'deleted');
    teller.record('n2', recordOf(2));
    teller.gone('n1', 'deleted');
    teller.connection('away');
    expect(listener.heard).toHaveLength(1);
  });

  test('knows what it has told', () => {
    const { teller } = following(1);
    teller.record('n2', recordOf(2));
    teller.record('n1', recordOf(1, { revoked: true }));
    expect([...teller.told]).toEqual([['n2', recordOf(2)]]);
  });
});

function following(...numbers: number[]): { teller: RecordTeller; listener: RecordingListener } {
  const listener = new RecordingListener();
  const teller = new RecordTeller(listener);
  teller.sync(new Map(numbers.map((number) => [`n${number}`, recordOf(number)])), () => 'deleted');
  return { teller, listener };
}
