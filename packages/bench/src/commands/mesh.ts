/**
 * `addMeshCommand`: adds the command `bench mesh`, which measures the agents of a mesh with many
 * nodes.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { measureMesh, MESH_SETTINGS } from '../mesh/mesh.ts';
import { REGISTRY_NAMES, type RegistryName } from '../mesh/registry-server.ts';
import { listParser, parseCount } from './arguments.ts';
import { load, saveResult, say } from './output.ts';

interface MeshOptions {
  registries: readonly RegistryName[];
  agents: number;
  nodes: number;
  changes: number;
}

export function addMeshCommand(program: Command): void {
  const { crowd, large, registries: all } = MESH_SETTINGS;
  const command: Command = program
    .command('mesh')
    .description('measure the speed and cost of the agents of many nodes, on etcd and Kubernetes')
    .addOption(
      new Option('--registries <names>', 'the registries to measure')
        .argParser(listParser(REGISTRY_NAMES))
        .default(all),
    )
    .option('--agents <number>', 'number of agents on simulated machines', parseCount, crowd.agents)
    .option(
      '--nodes <number>',
      'number of nodes that the one large agent knows',
      parseCount,
      large.nodes,
    )
    .option('--changes <number>', 'changes of records in each round', parseCount, large.changes)
    .action(async ({ registries, agents, nodes, changes }: MeshOptions) => {
      const settings = {
        registries,
        crowd: { ...crowd, agents },
        large: { ...large, nodes, changes },
      };
      const loadBefore = load();
      const { measurements, skipped, failed } = await measureMesh(settings, say);
      for (const text of skipped) say(`skipped: ${text}`);
      for (const text of failed) say(`mesh: ${text}`);
      const { processes, realNodes } = crowd;
      const kept = {
        registries: registries.join(' '),
        agents,
        processes,
        realNodes,
        nodes,
        changes,
      };
      saveResult(command, 'mesh', { ...kept, loadBefore, loadAfter: load() }, measurements);
      if (failed.length > 0) process.exitCode = 1;
    });
}
