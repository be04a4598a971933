/**
 * Tests what an agent writes to its log and lists in its status.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../src/agent/event-log.ts';

describe('EventLog', () => {
  test('prints a text of another machine as one line without control characters', () => {
    const lines: string[] = [];
    const log = new EventLog(
      (line) => lines.push(line),
      () => 7,
    );
    log.log('the record of node \u001b]0;owned\u0007 is refused');
    log.trouble('registry', 'two\nlines');
    expect(lines).toEqual([
      'the record of node \\u{1b}]0;owned\\u{7} is refused',
      'registry: two\\u{a}lines',
    ]);
    expect(log.events.map(({ text }) => text)).toEqual(lines);
    expect(log.troubles).toEqual(['registry: two\\u{a}lines']);
  });

  test('drops and counts most lines of a flood, and keeps the lines about troubles', () => {
    const lines: string[] = [];
    let time = 0;
    const log = new EventLog(
      (line) => lines.push(line),
      () => time,
    );
    for (let i = 0; i < 10_000; i++) log.log(`node n${i} has changed`);
    expect(lines).toHaveLength(500);
    log.trouble('registry', 'gone');
    expect(lines.at(-1)).toBe('registry: gone');
    time += 1000;
    log.log('the daemon is there');
    expect(lines.slice(-2)).toEqual(['(9500 more lines were dropped)', 'the daemon is there']);
    time -= 1_000_000;
    log.log('the clock was set back');
    expect(lines.at(-1)).toBe('the clock was set back');
  });

  test('logs a trouble once, and its end once', () => {
    const lines: string[] = [];
    const log = new EventLog(
      (line) => lines.push(line),
      () => 7,
    );
    log.trouble('registry', 'two\nlines');
    log.trouble('registry', 'two\nlines');
    log.trouble('registry', undefined);
    log.trouble('registry', undefined);
    expect(lines).toEqual(['registry: two\\u{a}lines', 'registry: resolved']);
    expect(log.troubles).toEqual([]);
  });
});
