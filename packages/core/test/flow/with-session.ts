/**
 * `withSession`: the inner state of alice's engine, which has a session with bob. Tests of single
 * rules in `flow` start with it.
 *
 * @module
 */
import { connect, createPair, type Pair, type PairOptions } from '@litz/testkit';
import { stateOf } from '../../src/engine.ts';
import type { EngineState } from '../../src/engine-state.ts';
import { preferredPair } from '../../src/flow/static-pairs.ts';
import { keyId } from '../../src/keys.ts';
import type { EngineEvent } from '../../src/outputs.ts';
import type { Peer } from '../../src/peer/peer.ts';
import { StagedPackets } from '../../src/peer/staged-packets.ts';
import type { Timer } from '../../src/peer/timer-table.ts';

export interface WithSession extends Pair {
  state: EngineState;
  /** Bob, as alice's engine keeps him. */
  peer: Peer;
  now: number;
  arm: (timer: Timer, delay: number) => void;
  isArmed: (timer: Timer) => boolean;
  deadline: (timer: Timer) => number;
  /** The types of all messages that were sent so far. */
  types: () => number[];
  /** The events since the last call. */
  events: () => EngineEvent[];
}

/**
 * Connects alice and bob. After that, no timer of the peer is armed, and the budget for initiations
 * is full.
 */
export function withSession(options: PairOptions = {}): WithSession {
  const pair = createPair(options);
  connect(pair);
  const { network, alice, bob } = pair;
  const state = stateOf(alice.engine);
  const peer = state.peers.get(keyId(bob.person.publicKey))!;
  const { now } = network;
  state.timers.clearAll(peer.slot);
  state.initiations.refill(now);
  const sent: number[] = [];
  return {
    ...pair,
    state,
    peer,
    now,
    arm: (timer, delay) => state.timers.arm(peer.slot, timer, now, delay),
    isArmed: (timer) => state.timers.isArmed(peer.slot, timer),
    deadline: (timer) => state.timers.deadline(peer.slot, timer),
    types: () => {
      for (let t = state.outputs.nextTransmit(); t; t = state.outputs.nextTransmit()) {
        sent.push(t.datagram[0]);
      }
      return sent;
    },
    events: () => {
      const events = [];
      for (let e = state.outputs.nextEvent(); e; e = state.outputs.nextEvent()) events.push(e);
      return events;
    },
  };
}

/** Makes `time` the time of the last handshake message to the peer. */
export function sentAt(peer: Peer, time: number): void {
  peer.handshakeSentAt = time;
  peer.pair!.sentAt = time;
}

/**
 * Puts the peer into an attempt at a handshake: the initiation was created, and the response has
 * not come. `isForgotten` tells whether the index is free and the handshake wiped.
 */
export function startedHandshake(
  state: EngineState,
  peer: Peer,
): { index: number; isForgotten: () => boolean } {
  const pair = preferredPair(peer, state.identity!);
  const index = state.indices.reserve(pair);
  pair.index = index;
  const { handshake } = pair;
  handshake.state = 'initiation-created';
  handshake.chainingKey.fill(7);
  return {
    index,
    isForgotten: () =>
      state.indices.handshake(index) === undefined &&
      pair.index === -1 &&
      handshake.state === 'zeroed' &&
      handshake.chainingKey.every((byte) => byte === 0),
  };
}

/** Stages `count` packets of 40 bytes. */
export function stage(peer: Peer, count: number): void {
  peer.staged ??= new StagedPackets();
  for (let i = 0; i < count; i++) peer.staged.push(new Uint8Array(40), 0, 40);
}
