/**
 * `measureFlood`: measures how an existing session and new peers fare while the server is flooded
 * with handshake messages, while many new peers connect at once, and while many peers do not
 * answer.
 *
 * The messages of a flood come from 1,000 addresses and have valid mac1s. Both daemons, iperf3 and
 * the flooder share the cores of the machine. So each transfer is compared with a transfer during
 * which the server's nft drops the same flood. During that transfer, the flooder takes its part of
 * the cores too, but the daemon has no work with the flood.
 *
 * @module
 */
import { missingProgram } from '../peers/command.ts';
import type { Implementation } from '../peers/implementation.ts';
import { missingNamespaces } from '../peers/namespace-pair.ts';
import { alternate, type RoundsOutcome, type Sample } from '../peers/rounds.ts';
import { sampleFloods, type FloodLoads } from './flood-figures.ts';
import { FloodTunnel } from './flood-tunnel.ts';

export interface FloodSettings extends FloodLoads {
  readonly implementations: readonly Implementation[];
  readonly rounds: number;
  /** Time in ms from the first session to the first transfer. The warm-up ends in this time. */
  readonly restMs: number;
}

/** Measures all implementations in turn. Closes every tunnel that it opens. */
export function measureFlood(
  settings: FloodSettings,
  progress: (text: string) => void,
): Promise<RoundsOutcome> {
  const { implementations, rounds, restMs } = settings;
  const take = async (implementation: Implementation): Promise<Sample[]> => {
    const tunnel = await FloodTunnel.open(implementation, restMs);
    try {
      return await sampleFloods(tunnel, settings);
    } finally {
      await tunnel.close();
    }
  };
  return alternate({ implementations, rounds, missing: missingTools(), take }, progress);
}

function missingTools(): string | undefined {
  return (
    missingNamespaces() ??
    missingProgram('iperf3', ['--version']) ??
    missingProgram('ping', ['-V']) ??
    missingProgram('nft', ['--version'])
  );
}
