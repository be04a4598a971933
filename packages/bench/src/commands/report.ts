/**
 * `bench report`
 *
 * @module
 */
import { join } from 'node:path';
import type { Command } from 'commander';
import { createReport, readResults, writeReport } from '../report/report.ts';
import { say } from './output.ts';

export function addReportCommand(program: Command): void {
  const command: Command = program
    .command('report')
    .description('RESULTS.md with tables and charts of the result files')
    .option('--out <directory>', 'where the report goes', join(import.meta.dirname, '../..'))
    .action(({ out }: { out: string }) => {
      const { results } = command.optsWithGlobals<{ results: string }>();
      const report = createReport(readResults(results));
      if (report.size === 0) throw new Error(`no result files in ${results}`);
      for (const path of writeReport(report, out)) say(`written to ${path}`);
    });
}
