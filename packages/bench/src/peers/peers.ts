/**
 * `measurePeers`: measures Litz and other implementations, each through a tunnel of its own.
 *
 * Both ends, iperf3 and ping share the cores of the machine.
 *
 * @module
 */
import { missingProgram } from './command.ts';
import { sampleFigures, type FigureName } from './figures.ts';
import type { Implementation } from './implementation.ts';
import { missingNamespaces } from './namespace-pair.ts';
import { alternate, type RoundsOutcome } from './rounds.ts';
import { Tunnel } from './tunnel.ts';

export interface PeersSettings {
  implementations: readonly Implementation[];
  rounds: number;
  /** The length of one transfer, in seconds. */
  seconds: number;
  figures: readonly FigureName[];
}

/** Measures all implementations in turn. Closes every tunnel that it opens. */
export function measurePeers(
  { implementations, rounds, seconds, figures }: PeersSettings,
  progress: (text: string) => void,
): Promise<RoundsOutcome> {
  const take = async (implementation: Implementation): ReturnType<typeof sampleFigures> => {
    const tunnel = await Tunnel.open(implementation);
    try {
      return await sampleFigures(tunnel, figures, seconds);
    } finally {
      await tunnel.close();
    }
  };
  return alternate({ implementations, rounds, missing: missingTools(), take }, progress);
}

function missingTools(): string | undefined {
  return (
    missingNamespaces() ?? missingProgram('iperf3', ['--version']) ?? missingProgram('ping', ['-V'])
  );
}
