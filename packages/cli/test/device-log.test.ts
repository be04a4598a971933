import { EventEmitter } from 'node:events';
import { parseEndpoint, type DeviceConfiguration } from '@litz/config';
import { DROP_REASONS, parsePublicKey, type Endpoint } from '@litz/core';
import type { Device } from '@litz/device';
import { describe, expect, test } from 'vitest';
import { logDevice, loggedTarget, nameOf } from '../src/device-log.ts';
import { createLog, type Log, type LogLevel } from '../src/log.ts';

const PEER = parsePublicKey('xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=');
const HERE = parseEndpoint('192.0.2.1:51820') as Endpoint;
const THERE = parseEndpoint('[2001:db8::1]:7') as Endpoint;

describe('nameOf', () => {
  test('returns the name that wireguard-go prints for a peer', () => {
    expect(nameOf(PEER)).toBe('peer(xTIB…p8Dg)');
  });
});

describe('logDevice', () => {
  test('logs the steps of a handshake in the words of wireguard-go', () => {
    const { device, lines } = logged('verbose');
    for (const [step, sends] of [
      ['initiation-sent', 1],
      ['retrying', 1],
      ['gave-up', 20],
      ['initiation-received', 0],
      ['response-sent', 0],
      ['response-received', 1],
      ['not-heard', 0],
      ['keypair-created', 1],
      ['keys-removed', 0],
    ] as const) {
      device.emit('trace', { peer: PEER, step, sends });
    }
    expect(lines).toEqual([
      'peer(xTIB…p8Dg) - Sending handshake initiation',
      'peer(xTIB…p8Dg) - Handshake did not complete after 5 seconds, retrying (try 2)',
      expect.stringMatching(
        / - Handshake did not complete after 20 attempts, giving up: the endpoint is wrong/,
      ),
      'peer(xTIB…p8Dg) - Received handshake initiation',
      'peer(xTIB…p8Dg) - Sending handshake response',
      'peer(xTIB…p8Dg) - Received handshake response',
      'peer(xTIB…p8Dg) - Retrying handshake because we stopped hearing back after 15 seconds',
      'peer(xTIB…p8Dg) - Keypair created',
      "peer(xTIB…p8Dg) - Removing all keys, since we haven't received a new one in 540 seconds",
    ]);
  });

  test('logs handshakes, sessions and endpoints of peers', () => {
    const { device, lines } = logged('verbose');
    const keys = { own: PEER, peer: PEER };
    device.emit('handshake', { peer: PEER, role: 'initiator', keys, durationMs: 12.4 });
    device.emit('handshake', { peer: PEER, role: 'responder', keys });
    device.emit('session', { peer: PEER, state: 'renewed' });
    device.emit('roam', { peer: PEER, endpoint: THERE, previous: HERE });
    device.emit('roam', { peer: PEER, endpoint: THERE, previous: undefined });
    expect(lines).toEqual([
      'peer(xTIB…p8Dg) - Handshake completed as initiator in 12 ms',
      'peer(xTIB…p8Dg) - Handshake completed as responder',
      'peer(xTIB…p8Dg) - Session renewed',
      'peer(xTIB…p8Dg) - Roamed from 192.0.2.1:51820 to [2001:db8::1]:7',
      'peer(xTIB…p8Dg) - Roamed to [2001:db8::1]:7',
    ]);
  });

  test('logs that the link goes up or down, its MTU, and an offload that is off', () => {
    const { device, lines } = logged('verbose');
    device.emit('up', { listenPort: 5 });
    device.emit('mtu', { mtu: 1280 });
    device.emit('offload', { name: 'udpGso', reason: 'EIO' });
    device.emit('down');
    expect(lines).toEqual([
      'link up, listens on port 5',
      'MTU updated: 1280',
      'offload udpGso is off: EIO',
      'link down',
    ]);
  });

  test('logs a drop with an explanation, its count, and its source or peer', () => {
    const { device, lines } = logged('verbose');
    device.emit('drop', { reason: 'bad-mac1', count: 3, source: HERE });
    device.emit('drop', { reason: 'disallowed-source', count: 1, peer: PEER });
    expect(lines).toEqual([
      'Received message with invalid mac1: it was made for another public key (bad-mac1 3 times, the last from 192.0.2.1:51820)',
      'peer(xTIB…p8Dg) - Received packet with disallowed source address: not in the AllowedIPs (disallowed-source)',
    ]);
  });

  test.each(DROP_REASONS)('logs a sentence for a drop with the reason %s', (reason) => {
    const { device, lines } = logged('verbose');
    device.emit('drop', { reason, count: 1 });
    expect(lines).toEqual([expect.stringMatching(/^[A-Z].{15,} \([a-z0-9-]+\)$/)]);
  });

  test.each(['error', 'silent'] as const)('listens to no event at level %s', (level) => {
    const { device } = logged(level);
    expect(device.eventNames()).toEqual([]);
  });
});

describe('loggedTarget', () => {
  test('has statusParts only if the device has it', async () => {
    const part = { listenPort: 7, fwmark: 0, peers: [] };
    const device = {
      status: () => expect.fail(),
      configure: () => expect.fail(),
      async *statusParts() {
        if (this === device) yield part;
      },
    };
    const { log } = logTo('silent');
    const parts = [];
    for await (const each of loggedTarget(device, log).statusParts!()) parts.push(each);
    expect(parts).toEqual([part]);
    expect(setUp().target).not.toHaveProperty('statusParts');
  });

  test('logs each change after it was made, and never a key', async () => {
    const { target, lines, made } = setUp();
    await target.configure({
      privateKey: PEER as never,
      listenPort: 1,
      fwmark: 2,
      replacePeers: true,
      peers: [
        {
          publicKey: PEER,
          presharedKey: null,
          endpoint: HERE,
          endpointName: '',
          persistentKeepalive: 25,
          replaceAllowedIps: true,
          allowedIps: [
            { address: Uint8Array.of(10, 0, 0, 1), prefixLength: 32 },
            { address: Uint8Array.of(10, 0, 0, 2), prefixLength: 32 },
            { address: Uint8Array.of(10, 0, 0, 3), prefixLength: 32, remove: true },
          ],
        },
        { publicKey: PEER, remove: true },
      ],
    });
    expect(made).toHaveLength(1);
    expect(lines).toEqual([
      'UAPI: Updating private key',
      'UAPI: Updating listen port',
      'UAPI: Updating fwmark',
      'UAPI: Removing all peers',
      'peer(xTIB…p8Dg) - UAPI: Updating preshared key',
      'peer(xTIB…p8Dg) - UAPI: Updating endpoint',
      'peer(xTIB…p8Dg) - UAPI: Updating name of endpoint',
      'peer(xTIB…p8Dg) - UAPI: Updating persistent keepalive interval',
      'peer(xTIB…p8Dg) - UAPI: Removing all allowedips',
      'peer(xTIB…p8Dg) - UAPI: Adding 2 allowedips',
      'peer(xTIB…p8Dg) - UAPI: Removing 1 allowedips',
      'peer(xTIB…p8Dg) - UAPI: Removing',
    ]);
  });

  test('does not log a refused change', async () => {
    const { target, lines } = setUp(() => Promise.reject(new Error('taken')));
    await expect(target.configure({ listenPort: 1 })).rejects.toThrow('taken');
    expect(lines).toEqual([]);
  });

  test('passes on a request for the status', async () => {
    const { target } = setUp();
    expect(await target.status()).toEqual({ listenPort: 7, fwmark: 0, peers: [] });
  });
});

function logged(level: LogLevel): { device: EventEmitter<never> & Device; lines: string[] } {
  const device = new EventEmitter() as EventEmitter<never> & Device;
  const { log, lines } = logTo(level);
  logDevice(device, log);
  return { device, lines };
}

function setUp(configure: () => Promise<void> = () => Promise.resolve()): {
  target: ReturnType<typeof loggedTarget>;
  lines: string[];
  made: DeviceConfiguration[];
} {
  const { log, lines } = logTo('verbose');
  const made: DeviceConfiguration[] = [];
  const target = loggedTarget(
    {
      status: () => Promise.resolve({ listenPort: 7, fwmark: 0, peers: [] }),
      configure: (change) => (made.push(change), configure()),
    },
    log,
  );
  return { target, lines, made };
}

/** Collects log lines without their prefix. */
function logTo(level: LogLevel): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line.slice('DEBUG: (wg0) '.length, -1));
  return { log: createLog(level, 'wg0', write), lines };
}
