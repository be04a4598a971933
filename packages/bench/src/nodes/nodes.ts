/**
 * `measureNodes`: runs the suites and one round through a tunnel under several versions of Node.js.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../child.ts';
import type { FigureName } from '../peers/figures.ts';
import { litz, peersNamed } from '../peers/implementation.ts';
import { measurePeers } from '../peers/peers.ts';
import type { RoundsOutcome } from '../peers/rounds.ts';
import { readResult, type Measurement } from '../results/result.ts';
import { findNode, type NodeBinary } from './node-binary.ts';

export interface NodesSettings {
  /** Major versions. */
  nodes: readonly number[];
  /** Time for each case of the suites, in ms. */
  time: number;
  /** The length of a transfer, in seconds. */
  seconds: number;
  /** The figures of the tunnel to measure. */
  figures: readonly FigureName[];
}

/**
 * Measures the versions one after the other. Each version is a subject, such as 'Node 22.23.3'.
 * wireguard-go is measured too, for the figures of the tunnel.
 */
export async function measureNodes(
  { nodes, time, seconds, figures }: NodesSettings,
  progress: (text: string) => void,
): Promise<RoundsOutcome> {
  const outcome: RoundsOutcome = { measurements: [], skipped: [], failed: [] };
  const binaries: NodeBinary[] = [];
  for (const major of nodes) {
    try {
      binaries.push(await findNode(major));
    } catch (error) {
      outcome.skipped.push(`Node ${major}: ${(error as Error).message}`);
    }
  }
  for (const binary of binaries) {
    progress(`suites: ${nameOf(binary)}`);
    try {
      outcome.measurements.push(...(await runSuites(binary, time)));
    } catch (error) {
      outcome.failed.push(`${nameOf(binary)}: ${(error as Error).message}`);
    }
  }
  const implementations = [
    ...binaries.map((binary) => litz(binary.path, nameOf(binary))),
    ...peersNamed([REFERENCE]),
  ];
  const peers = await measurePeers({ implementations, rounds: 1, seconds, figures }, progress);
  outcome.measurements.push(...peers.measurements);
  outcome.skipped.push(...peers.skipped);
  outcome.failed.push(...peers.failed);
  return outcome;
}

/** Returns copies with another subject. The name of each figure ends with the previous subject. */
export function moveSubjectToFigure(
  measurements: readonly Measurement[],
  subject: string,
): Measurement[] {
  return measurements.map((measurement) => ({
    ...measurement,
    figure: `${measurement.figure}, ${measurement.subject}`,
    subject,
  }));
}

/** Runs the suites with the usual command, in a process of that version of Node.js. */
async function runSuites(binary: NodeBinary, time: number): Promise<Measurement[]> {
  const directory = mkdtempSync(join(tmpdir(), 'litz-nodes-'));
  try {
    const module = new URL('../main.js', import.meta.url);
    const args = ['--results', directory, 'suites', '--time', time];
    await runProgram(module, args, { node: binary.path });
    const result = readResult('suites', directory);
    // A wrong binary would give plausible figures of another version.
    const ran = result?.environment.node;
    if (ran !== binary.version) throw new Error(`suites ran under ${ran}`);
    return result ? moveSubjectToFigure(result.measurements, nameOf(binary)) : [];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function nameOf({ version }: NodeBinary): string {
  return `Node ${version}`;
}

const REFERENCE = 'wireguard-go';
