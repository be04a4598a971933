/**
 * `logDevice`: what happens to a device, as lines of a log, in wireguard-go's words where it has some.
 *
 * @module
 */
import { formatEndpoint, type DeviceConfiguration } from '@litz/config';
import {
  formatKey,
  type DropReason,
  type Endpoint,
  type PeerConfiguration,
  type PublicKey,
  type TraceStep,
} from '@litz/core';
import type { Device, UapiTarget } from '@litz/device';
import type { Log } from './log.ts';

/** Only at level 'verbose': who does not listen does not pay for it. */
export function logDevice(device: Device, log: Log): void {
  if (log.level !== 'verbose') return;
  const say = (text: string): void => log.verbose(text);
  device.on('up', ({ listenPort }) => say(`link up, listens on port ${listenPort}`));
  device.on('down', () => say('link down'));
  device.on('mtu', ({ mtu }) => say(`MTU updated: ${mtu}`));
  device.on('offload', ({ name, reason }) => say(`offload ${name} is off: ${reason}`));
  device.on('trace', ({ peer, step, sends }) =>
    say(`${nameOf(peer)} - ${describeStep(step, sends)}`),
  );
  device.on('handshake', ({ peer, role, durationMs }) => {
    const time = durationMs === undefined ? '' : ` in ${durationMs.toFixed(0)} ms`;
    say(`${nameOf(peer)} - Handshake completed as ${role}${time}`);
  });
  device.on('session', ({ peer, state }) => say(`${nameOf(peer)} - Session ${state}`));
  device.on('roam', ({ peer, endpoint, previous }) => {
    const from = previous ? ` from ${formatEndpoint(previous)}` : '';
    say(`${nameOf(peer)} - Roamed${from} to ${formatEndpoint(endpoint)}`);
  });
  device.on('drop', (drop) => say(describeDrop(drop)));
}

/** The device, with a line for each change that is asked of it. */
export function loggedTarget(device: UapiTarget, log: Log): UapiTarget {
  return {
    status: () => device.status(),
    ...(device.statusParts && { statusParts: () => device.statusParts!() }),
    ...(device.followPeers && { followPeers: (listener) => device.followPeers!(listener) }),
    async configure(change) {
      await device.configure(change);
      if (log.level === 'verbose') for (const line of changeLines(change)) log.verbose(line);
    },
  };
}

/** As wireguard-go has it: the first and the last four characters. */
export function nameOf(peer: PublicKey): string {
  const key = formatKey(peer);
  return `peer(${key.slice(0, 4)}…${key.slice(-5, -1)})`;
}

interface Drop {
  readonly reason: DropReason;
  readonly count: number;
  readonly peer?: PublicKey;
  readonly source?: Endpoint;
}

function describeDrop({ reason, count, peer, source }: Drop): string {
  const who = peer ? `${nameOf(peer)} - ` : '';
  const from = source ? `, the last from ${formatEndpoint(source)}` : '';
  const times = count === 1 ? '' : ` ${count} times`;
  return `${who}${DROP_TEXTS[reason]} (${reason}${times}${from})`;
}

function describeStep(step: TraceStep, sends: number): string {
  if (step === 'retrying') return `${INCOMPLETE} after 5 seconds, retrying (try ${sends + 1})`;
  if (step === 'gave-up') return `${INCOMPLETE} after ${sends} attempts, giving up: ${UNANSWERED}`;
  return STEP_TEXTS[step];
}

function changeLines(change: DeviceConfiguration): string[] {
  const lines: string[] = [];
  if (change.privateKey !== undefined) lines.push('UAPI: Updating private key');
  if (change.nextPrivateKey !== undefined) lines.push('UAPI: Updating next private key');
  if (change.listenPort !== undefined) lines.push('UAPI: Updating listen port');
  if (change.fwmark !== undefined) lines.push('UAPI: Updating fwmark');
  if (change.replacePeers === true) lines.push('UAPI: Removing all peers');
  for (const peer of change.peers ?? []) {
    for (const what of peerChanges(peer)) lines.push(`${nameOf(peer.publicKey)} - UAPI: ${what}`);
  }
  return lines;
}

function peerChanges(peer: PeerConfiguration): string[] {
  if (peer.remove === true) return ['Removing'];
  const changes: string[] = [];
  if (peer.presharedKey !== undefined) changes.push('Updating preshared key');
  if (peer.nextPublicKey !== undefined) changes.push('Updating next public key');
  if (peer.promotePublicKey === true) changes.push('Promoting next public key');
  if (peer.endpoint) changes.push('Updating endpoint');
  if (peer.persistentKeepalive !== undefined) {
    changes.push('Updating persistent keepalive interval');
  }
  if (peer.replaceAllowedIps === true) changes.push('Removing all allowedips');
  const { allowedIps = [] } = peer;
  const removed = allowedIps.filter(({ remove }) => remove === true).length;
  if (allowedIps.length > removed) changes.push(`Adding ${allowedIps.length - removed} allowedips`);
  if (removed > 0) changes.push(`Removing ${removed} allowedips`);
  return changes;
}

const STEP_TEXTS: Readonly<Record<Exclude<TraceStep, 'retrying' | 'gave-up'>, string>> = {
  'peer-added': 'Added',
  'peer-removed': 'Removed',
  'key-promoted': 'Its next public key is its public key now',
  'initiation-sent': 'Sending handshake initiation',
  'probe-sent': 'Sending handshake initiation of our next key',
  'initiation-received': 'Received handshake initiation',
  'response-sent': 'Sending handshake response',
  'response-received': 'Received handshake response',
  'cookie-received': 'Received cookie reply: it is under load, the next initiation has the cookie',
  'not-heard': 'Retrying handshake because we stopped hearing back after 15 seconds',
  'keypair-created': 'Keypair created',
  'keys-removed': "Removing all keys, since we haven't received a new one in 540 seconds",
};
const INCOMPLETE = 'Handshake did not complete';
const UNANSWERED =
  'wrong endpoint, a firewall between, or it has another public key or preshared key for us';

/** What happened, for somebody who looks for the reason. */
const DROP_TEXTS: Readonly<Record<DropReason, string>> = {
  'too-short': 'Received datagram that is too short for a message',
  'unknown-message-type': 'Received message with unknown type',
  'reserved-bits-set': 'Received message with reserved bits set: not WireGuard, or a variant of it',
  'wrong-length': 'Received message with wrong length',
  'bad-mac1': 'Received message with invalid mac1: it was made for another public key than ours',
  'under-load': 'Under load: sent a cookie reply instead of an answer',
  'handshake-overflow': 'Under load: dropped handshake messages that there was no time for',
  'rate-limited': 'Under load: dropped handshake message of a source that sends too many',
  'unknown-index': 'Received message of a session or handshake that is not known (any more)',
  'no-private-key': 'Received handshake message, but there is no private key',
  'invalid-handshake':
    'Received invalid handshake message: another key, or another preshared key on one side',
  'unknown-peer': 'Received handshake initiation of a public key that is none of our peers',
  'replayed-initiation':
    'Received handshake initiation again: handshake replay, or its clock went back',
  'initiation-flood': 'Received handshake initiations too fast: handshake flood',
  'unexpected-response': 'Received handshake response that nobody waits for',
  'unexpected-cookie': 'Received cookie reply that nobody waits for',
  'invalid-cookie': 'Could not decrypt cookie reply',
  'expired-keypair': 'Received packet of a session that has expired',
  'counter-limit': 'Received packet with a counter above the limit',
  'invalid-tag': 'Received packet that does not authenticate',
  'replayed-counter': 'Received packet again, or far too late',
  'malformed-packet': 'Received packet that is no IP packet, or has a wrong length',
  'disallowed-source': 'Received packet with disallowed source address: not in the AllowedIPs',
  'not-ip': 'Packet to send is no IP packet',
  'no-peer': "Packet to send has a destination in no peer's AllowedIPs",
  'no-endpoint': 'Packet to send to a peer without endpoint, which has to call first',
  'peer-unusable': 'Packet to send, but there is no private key or the public key is no good one',
  'packet-too-big': 'Packet to send is too long',
  'staged-overflow': 'Too many packets wait for a handshake: dropped the oldest',
  'handshake-timeout': 'Dropped packets that waited for a handshake',
  'peer-removed': 'Dropped packets that waited for a handshake with a peer that was removed',
  'link-down': 'Dropped because the link is down',
  'tun-malformed': 'The interface gave a packet that makes no sense',
  'tun-write-failed': 'The interface did not take a packet',
  'send-failed': 'Failed to send datagram',
  'receive-truncated': 'Received datagram that is too long',
  'routing-loop': 'Datagram of ours came back through our own tunnel: routing loop',
  'receive-malformed': 'The socket gave a message that makes no sense',
};
