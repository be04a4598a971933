/**
 * Statuses for the tests of `litz top` and of the page of `litz serve`.
 *
 * @module
 */
import { parseCidr, type DevicePeerStatus, type DeviceStatus } from '@litz/config';
import { Endpoint, parsePrivateKey, parsePublicKey } from '@litz/core';
import { Failure } from '../../src/failure.ts';
import type { LiveStatus } from '../../src/live/live-status.ts';
import { LiveSource, type LiveSourceParts } from '../../src/live/live-source.ts';

/** Unix time of the examples in milliseconds. */
export const NOW = 1_700_000_000_000;

/** Returns a peer. The number is part of its key and addresses. */
export function examplePeer(
  number: number,
  fields: Partial<DevicePeerStatus> = {},
): DevicePeerStatus {
  const bytes = new Uint8Array(32).fill(number & 0xff);
  bytes[0] = number >> 8;
  return {
    publicKey: parsePublicKey(bytes),
    endpoint: new Endpoint(Uint8Array.of(192, 0, 2, number & 0xff), 51820),
    persistentKeepalive: 0,
    allowedIps: [parseCidr(`10.0.${number >> 8}.${number & 0xff}/32`)],
    lastHandshakeUnixMs: NOW - 10_000,
    receivedBytes: 0,
    sentBytes: 0,
    ...fields,
  };
}

/** Returns the status that a daemon of Litz gives. */
export function exampleDevice(
  peers: DevicePeerStatus[],
  fields: Partial<DeviceStatus> = {},
): DeviceStatus {
  return {
    privateKey: parsePrivateKey(new Uint8Array(32).fill(1)),
    listenPort: 51820,
    fwmark: 0,
    details: {
      provider: 'openssl+wasm',
      providerReason: 'the fastest',
      offloads: ['tunTcp'],
      threads: 1,
      priority: 'normal',
      drops: {},
    },
    peers,
    ...fields,
  };
}

/** The clock of a `LiveSource` in a test. */
export interface ExampleClock {
  ms: number;
  /** The pauses that have not ended. */
  readonly pauses: readonly ExamplePause[];
  /** Lets time pass, so that pauses end. */
  pass(ms: number): void;
}

interface ExamplePause {
  readonly until: number;
  readonly end: () => void;
}

/**
 * Returns a source. Its daemons answer with the results of the functions in `devices`, which a test
 * may change. `closed` has the names of the interfaces whose connections were closed.
 */
export function exampleSource(
  names: readonly string[],
  devices: Map<string, () => DeviceStatus | Promise<DeviceStatus>>,
): { source: LiveSource; parts: LiveSourceParts; clock: ExampleClock; closed: string[] } {
  const pauses: ExamplePause[] = [];
  const clock: ExampleClock = {
    ms: 0,
    pauses,
    pass: (ms) => {
      clock.ms += ms;
      for (const { until, end } of pauses) if (until <= clock.ms) end();
    },
  };
  const closed: string[] = [];
  const parts: LiveSourceParts = {
    list: () => [...devices.keys()],
    connect: (name) => ({
      read: async () => {
        const device = devices.get(name);
        if (!device) throw new Failure(`${name}: there is no such socket`);
        return device();
      },
      close: () => void closed.push(name),
    }),
    now: () => clock.ms,
    unixTime: () => NOW + clock.ms,
    pause: (ms, signal) =>
      new Promise((resolve) => {
        const pause = { until: clock.ms + ms, end: resolve };
        pauses.push(pause);
        signal.addEventListener('abort', () => {
          pauses.splice(pauses.indexOf(pause), 1);
          resolve();
        });
      }),
  };
  return { source: new LiveSource(names, parts), parts, clock, closed };
}

/**
 * Returns the status after two readings that are a second apart: one with the peers `before`, and
 * one with the peers `after`.
 */
export async function exampleStatus(
  before: DevicePeerStatus[],
  after: DevicePeerStatus[],
  fields: Partial<DeviceStatus> = {},
): Promise<LiveStatus> {
  let peers = before;
  const device = (): DeviceStatus => exampleDevice(peers, fields);
  const { source, clock } = exampleSource(['wg0'], new Map([['wg0', device]]));
  await source.read();
  peers = after;
  clock.ms += 1000;
  return source.read();
}
