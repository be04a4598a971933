import { describe, expect, test } from 'vitest';
import { createLog, logLevel, type LogLevel } from '../src/log.ts';

describe('logLevel', () => {
  test.each<[string | undefined, LogLevel]>([
    ['verbose', 'verbose'],
    ['debug', 'verbose'],
    ['error', 'error'],
    ['silent', 'silent'],
    [undefined, 'error'],
    ['', 'error'],
    ['VERBOSE', 'error'],
    ['loud', 'error'],
  ])('reads %j as %s', (text, level) => {
    expect(logLevel(text)).toBe(level);
  });
});

describe('createLog', () => {
  test.each<[LogLevel, string[]]>([
    ['verbose', ['ERROR: (wg0) broken\n', 'DEBUG: (wg0) went up\n']],
    ['error', ['ERROR: (wg0) broken\n']],
    ['silent', []],
  ])('at level %s, writes only the lines that this level allows', (level, expected) => {
    const written: string[] = [];
    const log = createLog(level, 'wg0', (line) => written.push(line));
    log.error('broken');
    log.verbose('went up');
    expect(written).toEqual(expected);
    expect(log.level).toBe(level);
  });
});
