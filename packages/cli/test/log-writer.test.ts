import { fstatSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import {
  LineWriter,
  logForm,
  logOption,
  readFormAgain,
  writeLine,
  type LogForm,
} from '../src/log-writer.ts';
import { keyPair } from './key-pair.ts';

describe('LineWriter', () => {
  test.each<[string, string, string, string]>([
    ['ERROR: (wg0) broken', '<3>ERROR: (wg0) broken', 'error', 'broken'],
    ['DEBUG: (wg0) went up', '<7>DEBUG: (wg0) went up', 'debug', 'went up'],
    ['Warning: a key', '<4>Warning: a key', 'warning', 'a key'],
    ['wg0: up, listens', '<6>wg0: up, listens', 'info', 'wg0: up, listens'],
  ])('writes %j as text, for the journal, and as JSON', (line, journal, level, message) => {
    const named = line.includes('(wg0)') ? { interface: 'wg0' } : {};
    expect(written('text', [line])).toBe(`${line}\n`);
    expect(written('journal', [line])).toBe(`${journal}\n`);
    expect(JSON.parse(written('json', [line]))).toEqual({
      time: '1970-01-01T00:00:01.000Z',
      level,
      ...named,
      message,
    });
  });

  test('writes the level before each line of a message for the journal, and writes a message as one line of JSON', () => {
    expect(written('journal', ['ERROR: a\n  b'])).toBe('<3>ERROR: a\n<3>  b\n');
    expect(written('json', ['ERROR: a\n  b']).split('\n')).toHaveLength(2);
  });

  test('writes the fields as JSON, and never a key', () => {
    const key = keyPair().privateKey;
    const lines: string[] = [];
    const writer = new LineWriter({
      form: 'json',
      write: (text) => lines.push(text),
      now: () => 0,
    });
    writer.line(`DEBUG: (wg0) ${key}`, { event: 'drop', count: 3, peer: undefined });
    expect(JSON.parse(lines[0])).toMatchObject({ event: 'drop', count: 3 });
    expect(lines[0]).not.toContain(key);
  });

  test('limits a flood of lines, and says how many lines were left out', () => {
    let now = 0;
    const lines: string[] = [];
    const writer = new LineWriter({
      form: 'text',
      write: (text) => lines.push(text),
      now: () => now,
    });
    for (let i = 0; i < 6000; i++) writer.line('x');
    expect(lines).toHaveLength(5000);
    now = 1000;
    writer.line('after');
    expect(lines.slice(5000)).toEqual(['Warning: 1000 lines were left out\n', 'after\n']);
    now = 0;
    for (let i = 0; i < 300; i++) writer.line('y');
    expect(lines).toHaveLength(5002 + 199);
  });
});

describe('logForm', () => {
  const { dev, ino } = fstatSync(2);

  test.each<[NodeJS.ProcessEnv, LogForm]>([
    [{}, 'text'],
    [{ LITZ_LOG: 'json' }, 'json'],
    [{ LITZ_LOG: 'xml' }, 'text'],
    [{ JOURNAL_STREAM: `${dev}:${ino}` }, 'journal'],
    [{ JOURNAL_STREAM: `${dev}:${ino + 1}` }, 'text'],
    [{ JOURNAL_STREAM: `${dev}:${ino}`, LITZ_LOG: 'text' }, 'text'],
  ])('with the environment %j is %s', (env, form) => {
    expect(logForm(env)).toBe(form);
  });
});

describe('readFormAgain', () => {
  test('lets the next line choose the form again, after standard error was redirected', () => {
    const { dev, ino } = fstatSync(2);
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    vi.stubEnv('LITZ_LOG', undefined);
    vi.stubEnv('JOURNAL_STREAM', 'another');
    try {
      readFormAgain();
      writeLine('ERROR: a');
      vi.stubEnv('JOURNAL_STREAM', `${dev}:${ino}`);
      writeLine('ERROR: b');
      readFormAgain();
      writeLine('ERROR: c');
      const texts = write.mock.calls.map(([text]) => text);
      expect(texts).toEqual(['ERROR: a\n', 'ERROR: b\n', '<3>ERROR: c\n']);
    } finally {
      write.mockRestore();
      vi.unstubAllEnvs();
      readFormAgain();
    }
  });
});

describe('logOption', () => {
  test('sets LITZ_LOG for this process and its children', () => {
    vi.stubEnv('LITZ_LOG', undefined);
    expect(() => logOption().parseArg!('xml', undefined)).toThrow('Expected text or json.');
    logOption().parseArg!('json', undefined);
    expect(process.env['LITZ_LOG']).toBe('json');
    vi.unstubAllEnvs();
  });
});

function written(form: LogForm, lines: readonly string[]): string {
  let text = '';
  const writer = new LineWriter({ form, write: (more) => (text += more), now: () => 1000 });
  for (const line of lines) writer.line(line);
  return text;
}
