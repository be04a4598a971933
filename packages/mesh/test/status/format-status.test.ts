/**
 * Tests of the status for a terminal.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { formatStatus } from '../../src/status/format-status.ts';
import { exampleStatus } from '../page/example-status.ts';

describe('formatStatus', () => {
  test('has a line for each peer, and one for each problem', () => {
    const text = formatStatus(exampleStatus({ count: 3, troubles: ['registry: it is gone'] }));
    expect(text.split('\n').filter((line) => line.startsWith('node-'))).toHaveLength(3);
    expect(text).toContain('Trouble:      registry: it is gone\n');
    expect(text.endsWith('\n')).toBe(true);
  });

  test('prints no control characters of a name or a problem', () => {
    const names = ['\u001b[2Jn', 'two\nlines', '\u202efdp.n'];
    const troubles = ['nft: \u001b[31mboom\nError'];
    const text = formatStatus(exampleStatus({ count: 3, names, troubles }));
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[^\n\P{C}]/u);
    expect(text).toContain('\\u{1b}[2Jn');
    expect(text).toContain('two\\u{a}lines');
  });
});
