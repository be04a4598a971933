/**
 * What reaches the log and the status.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../src/agent/event-log.ts';

describe('EventLog', () => {
  test('makes one harmless line of what others say', () => {
    const lines: string[] = [];
    const log = new EventLog(
      (line) => lines.push(line),
      () => 7,
    );
    log.say('the record of node \u001b]0;owned\u0007 is refused');
    log.trouble('registry', 'two\nlines');
    expect(lines).toEqual([
      'the record of node \\u{1b}]0;owned\\u{7} is refused',
      'registry: two\\u{a}lines',
    ]);
    expect(log.events.map(({ text }) => text)).toEqual(lines);
    expect(log.troubles).toEqual(['registry: two\\u{a}lines']);
  });

  test('says the same trouble once, and that it is over', () => {
    const lines: string[] = [];
    const log = new EventLog(
      (line) => lines.push(line),
      () => 7,
    );
    log.trouble('registry', 'two\nlines');
    log.trouble('registry', 'two\nlines');
    log.trouble('registry', undefined);
    log.trouble('registry', undefined);
    expect(lines).toEqual(['registry: two\\u{a}lines', 'registry: well again']);
    expect(log.troubles).toEqual([]);
  });
});
