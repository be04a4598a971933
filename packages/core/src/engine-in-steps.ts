/**
 * Changes and reads the configuration of an engine in steps, for a caller whose packets must not
 * wait until all the work is done. `Engine.configure` and `Engine.peers` do the same in one call.
 *
 * @module
 */
import type { EngineChange } from './configuration.ts';
import { stateOf, type Engine } from './engine.ts';
import { applyConfiguration } from './flow/configuration.ts';
import { statusesInSteps, type PeerStatus } from './stats.ts';
import type { Steps } from './steps.ts';
import { checkAgainst, checkConfiguration, type CheckedChange } from './validation.ts';

/**
 * Checks a change as `Engine.prepare` does, and throws the same errors. Returns the change with
 * typed values.
 */
export function checkChange(engine: Engine, change: EngineChange): CheckedChange {
  return checkConfiguration(change, stateOf(engine));
}

/**
 * Checks whether this engine can apply a change that `checkChange` returned. Returns the steps that
 * apply it. Run the first step immediately after this call. Between two steps, poll the outputs of
 * the engine. Between the steps, the engine may be used for packets and timers, but not configured.
 *
 * @param now called in each step; returns the time
 * @throws {RangeError | WireGuardError} the change is not possible; nothing has changed
 */
export function prepareInSteps(engine: Engine, change: CheckedChange, now: () => number): Steps {
  const state = stateOf(engine);
  checkAgainst(change, state);
  return apply();

  function* apply(): Steps {
    engine.finishBatch(now());
    yield* applyConfiguration(state, change, now);
  }
}

/**
 * Iterates over all peers as `Engine.peerStatuses` does. Yields, for each peer, the steps that make
 * its snapshot. Between two of these steps, the engine may be used, but not configured.
 */
export function peersInSteps(engine: Engine): Generator<Steps<PeerStatus>, void, undefined> {
  return statusesInSteps(stateOf(engine));
}
