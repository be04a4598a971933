import { DropCounters, Endpoint } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { DropReport, type DropEvent } from '../../src/plane/drop-report.ts';
import { BOB } from '../in-memory.ts';

const SOURCE = new Endpoint(Uint8Array.of(192, 0, 2, 1), 7);

describe('DropReport', () => {
  it('reports nothing without a listener, and does not report earlier drops to a new listener', () => {
    const { drops, report, told } = setUp();
    drops.add('not-ip');
    report.check();
    expect(report.due).toBe(Infinity);
    report.listening = true;
    report.check();
    expect(report.due).toBe(Infinity);
    expect(told(0)).toEqual([]);
  });

  it('reports the number of drops per reason at once, and then at most once per second', () => {
    const { drops, report, told } = setUp();
    report.listening = true;
    drops.add('not-ip', 2);
    report.check();
    expect(told(10)).toEqual([{ type: 'drop', reason: 'not-ip', count: 2 }]);
    drops.add('not-ip');
    drops.add('no-peer', 3);
    report.check();
    expect(report.due).toBe(1010);
    expect(told(1009)).toEqual([]);
    drops.add('not-ip');
    report.check();
    expect(told(1010)).toEqual([
      { type: 'drop', reason: 'no-peer', count: 3 },
      { type: 'drop', reason: 'not-ip', count: 2 },
    ]);
    expect(report.due).toBe(Infinity);
  });

  it('reports only a peer and a source that were noted since the last report', () => {
    const { drops, report, told } = setUp();
    drops.noteDetails('bad-mac1', undefined, SOURCE);
    report.listening = true;
    drops.add('bad-mac1');
    report.check();
    expect(told(0)).toEqual([{ type: 'drop', reason: 'bad-mac1', count: 1 }]);
    drops.add('invalid-tag');
    drops.noteDetails('invalid-tag', BOB.publicKey);
    drops.add('bad-mac1');
    drops.noteDetails('bad-mac1', undefined, SOURCE);
    report.check();
    expect(told(1000)).toEqual([
      { type: 'drop', reason: 'bad-mac1', count: 1, source: SOURCE },
      { type: 'drop', reason: 'invalid-tag', count: 1, peer: BOB.publicKey },
    ]);
    drops.add('bad-mac1');
    report.check();
    expect(told(2000)).toEqual([{ type: 'drop', reason: 'bad-mac1', count: 1 }]);
  });

  it('stops when the listener is removed', () => {
    const { drops, report } = setUp();
    report.listening = true;
    drops.add('not-ip');
    report.check();
    report.listening = false;
    expect(report.due).toBe(Infinity);
  });
});

function setUp(): {
  drops: DropCounters;
  report: DropReport;
  told: (now: number) => DropEvent[];
} {
  const drops = new DropCounters();
  const report = new DropReport(drops);
  const told = (now: number): DropEvent[] => {
    const events: DropEvent[] = [];
    report.report(now, (event) => events.push(event));
    return events.toSorted((a, b) => a.reason.localeCompare(b.reason));
  };
  return { drops, report, told };
}
