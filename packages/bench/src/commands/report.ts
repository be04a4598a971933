/**
 * `addReportCommand`: adds the command `bench report`, which makes RESULTS.md and its charts from
 * the result files, and updates the figures of the README and of docs/mesh.md.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { withFigures, withMeshFigures } from '../report/readme.ts';
import { createReport, readResults, writeReport } from '../report/report.ts';
import { say } from './output.ts';

export function addReportCommand(program: Command): void {
  const command: Command = program
    .command('report')
    .description(
      'write RESULTS.md (tables and charts), and update the figures in the README and in the page of the mesh',
    )
    .option('--out <directory>', 'directory of the report', join(import.meta.dirname, '../..'))
    .option('--readme <file>', 'README whose figures are replaced', README)
    .option('--mesh <file>', 'page of the mesh whose figures are replaced', MESH_PAGE)
    .action(({ out, readme, mesh }: { out: string; readme: string; mesh: string }) => {
      const { results: directory } = command.optsWithGlobals<{ results: string }>();
      const results = readResults(directory);
      const report = createReport(results);
      if (report.size === 0) throw new Error(`no result files in ${directory}`);
      for (const path of writeReport(report, out)) say(`written to ${path}`);
      writeFileSync(readme, withFigures(readFileSync(readme, 'utf8'), results));
      say(`written to ${readme}`);
      writeFileSync(mesh, withMeshFigures(readFileSync(mesh, 'utf8'), results));
      say(`written to ${mesh}`);
    });
}

const README = join(import.meta.dirname, '../../../../README.md');
const MESH_PAGE = join(import.meta.dirname, '../../../../docs/mesh.md');
