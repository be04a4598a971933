/**
 * `exampleStatus`: a status as an agent could report it. Equal arguments give equal results.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { MeshStatus, PeerStatus } from '../../src/status/mesh-status.ts';

export interface ExampleOptions {
  /** The number of peers. */
  readonly count: number;
  /** Seconds since the example began. */
  readonly second?: number;
  /** The names of the first peers. */
  readonly names?: readonly string[];
  readonly troubles?: readonly string[];
}

export const EXAMPLE_START = Date.UTC(2026, 10, 28, 9, 30, 0);

export function exampleStatus(options: ExampleOptions): MeshStatus {
  const { count, second = 0, names = [], troubles = [] } = options;
  const time = EXAMPLE_START + second * 1000;
  const digits = `${count}`.length;
  return {
    version: 1,
    time,
    startedAt: EXAMPLE_START - 3 * HOUR,
    node: {
      name: 'node-0',
      addresses: ['192.0.2.10', '2001:db8::10'],
      prefixes: ['10.244.0.0/24', 'fd00:244:0::/64'],
      clusterPrefixes: ['10.244.0.0/16', 'fd00:244::/48'],
      mode: 'pods',
      enforcement: 'permissive',
      wantedEnforcement: 'permissive',
      nodeEncryption: 'disabled',
      keys: [key(0, 3)],
      rotation: undefined,
      exceptions: ['tcp to 192.0.2.1 port 6443'],
    },
    interface: {
      name: 'litz0',
      port: 51871,
      isUp: true,
      mtu: 1420,
      addresses: ['10.244.0.0/32', 'fd00:244::/128'],
    },
    registry: { description: 'file:/shared/nodes', trouble: undefined, syncedAt: time - 2000 },
    peers: Array.from({ length: count }, (_, index) =>
      peer(names[index] ?? `node-${`${index + 1}`.padStart(digits, '0')}`, index + 1, second),
    ),
    events: [
      {
        at: EXAMPLE_START - 3 * HOUR,
        level: 'info',
        peer: undefined,
        text: 'the agent has started',
      },
      {
        at: EXAMPLE_START - HOUR,
        level: 'info',
        peer: 'node-1',
        text: 'the first handshake is done',
      },
      {
        at: EXAMPLE_START - 40_000,
        level: 'warning',
        peer: 'node-3',
        text: 'prefixes[0]: 10.244.1.0/24 belongs to node-1, which was there before',
      },
    ],
    troubles,
  };
}

function peer(name: string, index: number, second: number): PeerStatus {
  const state = stateOf(index);
  const isConnected = state === 'connected';
  const [received, sent] = isConnected ? bytes(index, second) : [0, 0];
  const generation = index % 4;
  return {
    name,
    state,
    reason: REASONS[state],
    isListed: index !== 6,
    endpoint: `192.0.2.${10 + (index % 240)}:51871`,
    addresses: [`192.0.2.${10 + (index % 240)}`],
    prefixes: state === 'refused' ? [] : [`10.244.${index}.0/24`, `fd00:244:${index}::/64`],
    encryptsNode: false,
    sendsPlaintext: false,
    lastHandshakeAt: isConnected
      ? EXAMPLE_START + second * 1000 - ((index * 37 + second) % 120) * 1000
      : undefined,
    sessionKey: isConnected ? key(index, generation).publicKey : undefined,
    bytesReceived: received,
    bytesSent: sent,
    keys: state === 'refused' ? [] : [key(index, generation)],
  };
}

/** Returns the state of a peer. With three peers, each state appears. */
function stateOf(index: number): PeerStatus['state'] {
  if (index % 23 === 3) return 'refused';
  return index % 17 === 2 ? 'waiting' : 'connected';
}

/** Returns the bytes of a peer so far: the sum of a rate that rises and falls. */
function bytes(index: number, second: number): [received: number, sent: number] {
  const mean = 4e7 / (1 + ((index * 7) % 29));
  const swing = (part: number): number =>
    Math.max(0, Math.round(mean * part * (second + 3 * Math.sin(second / 4 + index))));
  return [swing(1) + index * 1e6, swing(0.35) + index * 4e5];
}

function key(index: number, generation: number): PeerStatus['keys'][number] {
  return {
    publicKey: createHash('sha256').update(`${index} ${generation}`).digest('base64'),
    generation,
    createdAt: EXAMPLE_START - (index + 1) * 5 * HOUR,
  };
}

const HOUR = 3_600_000;
const REASONS = {
  connected: undefined,
  waiting: 'no answer yet',
  refused: 'prefixes[0]: 10.244.1.0/24 belongs to node-1',
} as const;
