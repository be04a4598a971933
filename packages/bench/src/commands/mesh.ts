/**
 * `bench mesh`
 *
 * @module
 */
import { loadavg } from 'node:os';
import { Option, type Command } from 'commander';
import { measureMesh, MESH_SETTINGS } from '../mesh/mesh.ts';
import { REGISTRY_NAMES, type RegistryName } from '../mesh/registry-server.ts';
import { count, listOf } from './arguments.ts';
import { keep, say } from './output.ts';

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
    .description('agents of many nodes on etcd and Kubernetes: how fast, how much they need')
    .addOption(new Option('--registries <names>').argParser(listOf(REGISTRY_NAMES)).default(all))
    .option('--agents <number>', 'on simulated machines', count, crowd.agents)
    .option('--nodes <number>', 'that the one large agent has', count, large.nodes)
    .option('--changes <number>', 'of records, in each round', count, large.changes)
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
      keep(command, 'mesh', { ...kept, loadBefore, loadAfter: load() }, measurements);
      if (failed.length > 0) process.exitCode = 1;
    });
}

/** Of the last minute: with more than there are cores, times say more about the others. */
function load(): number {
  return Number((loadavg()[0] ?? 0).toFixed(1));
}
