/**
 * Renders and checks the chart with helm.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { programRequirement, type Requirement } from '@litz/testkit';
import { CHART, readManifests, type Manifest } from '../registry/kubernetes/manifests.ts';

export const helmRequirement: Requirement = programRequirement('helm', ['version']);

/** Values of the chart. The keys have the form of `--set`: names with dots. */
export type ChartValues = Readonly<Record<string, string | number | boolean>>;

export const NAMESPACE = 'litz-system';

/** @throws {Error} helm refused the values; the message has the output of helm */
export function renderChart(values: ChartValues = {}): Manifest[] {
  const { status, stdout, stderr } = helm('template', values);
  if (status !== 0) throw new Error(stderr);
  return readManifests(stdout);
}

export function lintChart(values: ChartValues = {}): string {
  const { status, stdout, stderr } = helm('lint', values);
  if (status !== 0) throw new Error(stdout + stderr);
  return stdout;
}

export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find(
    (manifest) => manifest.kind === kind && manifest.metadata.name === name,
  );
  if (!found) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

function helm(
  command: 'template' | 'lint',
  values: ChartValues,
): { status: number | null; stdout: string; stderr: string } {
  const set = Object.entries(values).map(([name, value]) => `--set=${name}=${value}`);
  const place = command === 'template' ? ['litz', CHART] : ['--strict', CHART];
  return spawnSync(
    'helm',
    [command, ...place, `--namespace=${NAMESPACE}`, '--kube-version=1.37.2', ...set],
    { encoding: 'utf8', timeout: 60_000 },
  );
}
