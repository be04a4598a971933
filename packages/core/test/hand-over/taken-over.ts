/**
 * Lets another engine continue with the state of a node's engine, as another process would.
 *
 * @module
 */
import { seededRandomBytes, unixTimeOf, type SimulatedNode } from '@litz/testkit';
import { Engine, nobleProvider, type EngineOptions } from '../../src/index.ts';
import { restoreState, saveState } from '../../src/hand-over/hand-over.ts';

let engines = 1000;

/** Gives the node a new engine with the state of its engine. Returns the old engine. */
export function takeOver(node: SimulatedNode, options: Partial<EngineOptions> = {}): Engine {
  const { engine: old } = node;
  const bytes = saveState(old, node.network.now);
  node.engine = successor(node, options);
  restoreState(node.engine, bytes);
  bytes.fill(0);
  return old;
}

/** Returns a new engine with the clock of the node and with random bytes of its own. */
export function successor(node: SimulatedNode, options: Partial<EngineOptions> = {}): Engine {
  return new Engine({
    randomBytes: seededRandomBytes(++engines),
    unixTime: () => unixTimeOf(node),
    crypto: nobleProvider,
    ...options,
  });
}
