/**
 * `measureMesh`: measures the cost of a mesh with many nodes, on real registries.
 *
 * @module
 */
import { missingProgram } from '../peers/command.ts';
import { withCleanUp } from '../peers/clean-up.ts';
import { litz } from '../peers/implementation.ts';
import { missingNamespaces } from '../peers/namespace-pair.ts';
import type { Measurement } from '../results/result.ts';
import { measureCrowd, type CrowdSettings } from './crowd-figures.ts';
import { measureLargeAgent, type LargeAgentSettings } from './large-agent.ts';
import { missingServer, type RegistryName } from './registry-server.ts';

export interface MeshSettings {
  readonly registries: readonly RegistryName[];
  readonly crowd: CrowdSettings;
  readonly large: LargeAgentSettings;
}

export interface MeshOutcome {
  readonly measurements: Measurement[];
  /**
   * `name: reason` of the registries that were not measured, because something is not installed.
   */
  readonly skipped: string[];
  /** What failed, and the figures that are above their limits. */
  readonly failed: string[];
}

/** The settings of `pnpm bench:mesh`. */
export const MESH_SETTINGS: MeshSettings = {
  registries: ['etcd', 'kubernetes'],
  crowd: { agents: 1000, processes: 4, realNodes: 3, changes: 20, joins: 5, restSeconds: 30 },
  large: { nodes: 5000, rounds: 3, changes: 50, settleSeconds: 15 },
};

/** Settings for a measurement that takes only a few seconds. */
export const SHORT_MESH_SETTINGS: MeshSettings = {
  registries: ['etcd'],
  crowd: { agents: 20, processes: 2, realNodes: 1, changes: 4, joins: 1, restSeconds: 1 },
  large: { nodes: 200, rounds: 1, changes: 5, settleSeconds: 1 },
};

/** Measures all registries of the settings. Afterwards it removes everything that it has made. */
export async function measureMesh(
  { registries, crowd, large }: MeshSettings,
  progress: (text: string) => void,
): Promise<MeshOutcome> {
  const measurements: Measurement[] = [];
  const skipped: string[] = [];
  const failed: string[] = [];
  const missing = missingNamespaces() ?? litz().missing() ?? missingProgram('nft', ['--version']);
  await withCleanUp(async () => {
    for (const name of registries) {
      const absent = missing ?? missingServer(name);
      if (absent !== undefined) {
        skipped.push(`${name}: ${absent}`);
        continue;
      }
      for (const measure of [
        () => measureLargeAgent(name, large, progress),
        () => measureCrowd(name, crowd, progress),
      ]) {
        try {
          measurements.push(...(await measure()));
        } catch (error) {
          failed.push(`${name}: ${(error as Error).message}`);
          progress(`failed: ${(error as Error).message}`);
        }
      }
    }
  });
  return { measurements, skipped, failed: [...failed, ...overLimit(measurements)] };
}

/**
 * Returns a text for each figure that is above its limit. A slow machine does not make these
 * figures larger.
 */
export function overLimit(measurements: readonly Measurement[]): string[] {
  return measurements.flatMap(({ figure, subject, value, unit }) => {
    const limit = LIMITS.find(({ names }) => names.test(figure))?.limit;
    if (limit === undefined || value === null || value <= limit) return [];
    return [`${subject}: ${figure}: ${value} ${unit}, ${limit} at most`];
  });
}

const LIMITS: readonly { readonly names: RegExp; readonly limit: number }[] = [
  { names: /^registry writes per join$/, limit: 2 },
  { names: /^at rest: registry writes/, limit: 0 },
  { names: /at rest: (full UAPI get|UAPI requests)/, limit: 0 },
  { names: /full UAPI get per change/, limit: 0 },
  { names: /UAPI set per change/, limit: 1 },
  { names: /nft transactions per change/, limit: 0 },
];
