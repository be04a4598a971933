/**
 * `codeEngine`: writes or reads what another process must know of an engine: keys, peers, sessions,
 * counters.
 *
 * @module
 */
import { MacChecker } from '../cookie/macs.ts';
import type { EngineState } from '../engine-state.ts';
import { wipe } from '../crypto/wipe.ts';
import {
  copyPrivateKey,
  createStaticIdentity,
  type StaticIdentity,
} from '../handshake/static-identity.ts';
import { PrivateKey } from '../keys.ts';
import type { EngineStats } from '../stats.ts';
import { codePeer } from './peer-codec.ts';
import type { StateCodec } from './state-codec.ts';

/** Writes the state of an engine, or reads it into the state of a new engine. */
export function codeEngine(codec: StateCodec, state: EngineState): void {
  state.mtu = codec.number(state.mtu);
  state.up = codec.flag(state.up);
  state.timestamps.code(codec);
  state.identity = codeIdentity(codec, state, state.identity);
  state.macChecker = codeChecker(codec, state, state.identity, state.macChecker);
  state.nextIdentity = codeIdentity(codec, state, state.nextIdentity);
  state.nextMacChecker = codeChecker(codec, state, state.nextIdentity, state.nextMacChecker);
  const peers = [...state.peers.values()];
  const count = codec.number(peers.length);
  for (let i = 0; i < count; i++) codePeer(codec, state, peers[i]);
  for (const name of COUNTERS) state.stats[name] = codec.number(state.stats[name]);
  state.stats.drops.code(codec);
}

function codeIdentity(
  codec: StateCodec,
  { crypto }: EngineState,
  identity: StaticIdentity | undefined,
): StaticIdentity | undefined {
  const copy = identity && copyPrivateKey(identity);
  const key = codec.optional(copy);
  wipe(copy);
  if (!codec.isReading) return identity;
  if (!key) return undefined;
  const privateKey = new PrivateKey(key);
  wipe(key);
  return createStaticIdentity(crypto, privateKey);
}

function codeChecker(
  codec: StateCodec,
  { crypto, randomBytes }: EngineState,
  identity: StaticIdentity | undefined,
  checker: MacChecker | undefined,
): MacChecker | undefined {
  if (!identity) return undefined;
  const coded = checker ?? new MacChecker(crypto, identity, randomBytes);
  coded.code(codec);
  return coded;
}

type Counter = Exclude<keyof EngineStats, 'drops'>;

/**
 * The counters of `EngineStats`, in the order of a handed-over state. The compiler refuses the list
 * if a counter is missing.
 */
const COUNTERS = Object.keys({
  sentMessages: true,
  receivedMessages: true,
  sentBytes: true,
  receivedBytes: true,
  sentInitiations: true,
  sentResponses: true,
  sentCookieReplies: true,
  sentKeepalives: true,
  receivedKeepalives: true,
  completedHandshakes: true,
  failedHandshakes: true,
  createdUnreachables: true,
} satisfies Record<Counter, true>) as Counter[];
