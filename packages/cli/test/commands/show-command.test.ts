import { Command } from 'commander';
import { parseGetResponse } from '@litz/config';
import { describe, expect, test } from 'vitest';
import { addShowCommand } from '../../src/commands/show-command.ts';
import { COLUMNS } from '../../src/show/column-names.ts';
import { showColumns } from '../../src/show/show-columns.ts';

describe('addShowCommand', () => {
  const program = new Command('litz').exitOverride().configureOutput({ writeErr: () => {} });
  addShowCommand(program);

  test('refuses a column that does not exist, and names the columns that exist', async () => {
    const words = ['show', 'wg0', 'nonsense'];
    const expected = `Expected one of: ${COLUMNS.join(', ')}.`;
    await expect(program.parseAsync(words, { from: 'user' })).rejects.toThrow(expected);
  });

  test.each(COLUMNS)('has the column %s', (column) => {
    const status = parseGetResponse(`listen_port=51820\nfwmark=0\nerrno=0\n\n`);
    expect(showColumns(column, status, '')).toBeDefined();
  });
});
