/**
 * `logDevice`: writes the events of a device to a log, in wireguard-go's words where they exist.
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
import type { CaptureOptions, CaptureStream, Device, UapiTarget } from '@litz/device';
import type { Log } from './log.ts';
import type { LogFields } from './log-writer.ts';

/**
 * Adds listeners only at level 'verbose'. Without listeners, a device does not make most of these
 * events, which saves time.
 */
export function logDevice(device: Device, log: Log): void {
  if (log.level !== 'verbose') return;
  const say = (text: string, event: string, fields: LogFields = {}): void =>
    log.verbose(text, { event, ...fields });
  device.on('up', ({ listenPort }) => say(`link up, listens on port ${listenPort}`, 'up'));
  device.on('down', () => say('link down', 'down'));
  device.on('mtu', ({ mtu }) => say(`MTU updated: ${mtu}`, 'mtu', { mtu }));
  device.on('offload', ({ name, reason }) =>
    say(`offload ${name} is off: ${reason}`, 'offload', { offload: name }),
  );
  device.on('trace', ({ peer, step, sends }) =>
    say(`${nameOf(peer)} - ${describeStep(step, sends)}`, step, { peer: formatKey(peer) }),
  );
  device.on('handshake', ({ peer, role, durationMs }) => {
    const time = durationMs === undefined ? '' : ` in ${durationMs.toFixed(0)} ms`;
    const fields = { peer: formatKey(peer), role, durationMs };
    say(`${nameOf(peer)} - Handshake completed as ${role}${time}`, 'handshake', fields);
  });
  device.on('session', ({ peer, state }) =>
    say(`${nameOf(peer)} - Session ${state}`, 'session', { peer: formatKey(peer), state }),
  );
  device.on('roam', ({ peer, endpoint, previous }) => {
    const from = previous ? ` from ${formatEndpoint(previous)}` : '';
    const fields = { peer: formatKey(peer), endpoint: formatEndpoint(endpoint) };
    say(`${nameOf(peer)} - Roamed${from} to ${formatEndpoint(endpoint)}`, 'roam', fields);
  });
  device.on('drop', (drop) => say(describeDrop(drop), 'drop', dropFields(drop)));
}

/**
 * Returns a target that passes everything to `device`, and logs captures and each change of the
 * configuration.
 */
export function loggedTarget(device: UapiTarget, log: Log): UapiTarget {
  return {
    status: () => device.status(),
    ...(device.statusParts && { statusParts: () => device.statusParts!() }),
    ...(device.details && { details: () => device.details!() }),
    ...(device.capture && { capture: (options) => loggedCapture(device, options, log) }),
    ...(device.followPeers && { followPeers: (listener) => device.followPeers!(listener) }),
    async configure(change) {
      await device.configure(change);
      if (log.level === 'verbose') for (const line of changeLines(change)) log.verbose(line);
    },
  };
}

/**
 * Returns the name of a peer as wireguard-go prints it: the first four characters of its key, and
 * the last four before the `=`.
 */
export function nameOf(peer: PublicKey): string {
  const key = formatKey(peer);
  return `peer(${key.slice(0, 4)}…${key.slice(-5, -1)})`;
}

/** Returns a sentence about a drop: what happened and, if it is known, why. */
export function dropText(reason: DropReason): string {
  return DROP_TEXTS[reason];
}

/**
 * Logs the beginning and the end of a capture. If the capture has a key log, a line at the level
 * 'error' says so, because this level is on by default.
 */
async function loggedCapture(
  device: UapiTarget,
  options: CaptureOptions,
  log: Log,
): Promise<CaptureStream> {
  const capture = await device.capture!(options);
  if (options.keyLog === true) log.error('UAPI: root captures with the keys of new sessions');
  log.verbose('UAPI: Capture begins');
  return {
    stop: (reason) => capture.stop(reason),
    async *[Symbol.asyncIterator]() {
      try {
        yield* capture;
      } finally {
        log.verbose('UAPI: Capture ends');
      }
    },
  };
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

function dropFields({ reason, count, peer, source }: Drop): LogFields {
  return {
    reason,
    count,
    ...(peer && { peer: formatKey(peer) }),
    ...(source && { source: formatEndpoint(source) }),
  };
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
  if (peer.endpointName !== undefined) changes.push('Updating name of endpoint');
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
  'key-promoted': 'Its next public key is now its public key',
  'initiation-sent': 'Sending handshake initiation',
  'probe-sent': 'Sending handshake initiation of our next key',
  'initiation-received': 'Received handshake initiation',
  'response-sent': 'Sending handshake response',
  'response-received': 'Received handshake response',
  'cookie-received':
    'Received cookie reply: the peer is under load, the next initiation contains the cookie',
  'not-heard': 'Retrying handshake because we stopped hearing back after 15 seconds',
  'keypair-created': 'Keypair created',
  'keys-removed': "Removing all keys, since we haven't received a new one in 540 seconds",
};
const INCOMPLETE = 'Handshake did not complete';
const UNANSWERED =
  'the endpoint is wrong, a firewall drops the messages, or the peer has a wrong public key or preshared key for this side';

/** The sentence for each reason: what happened and, if it is known, why. */
const DROP_TEXTS: Readonly<Record<DropReason, string>> = {
  'too-short': 'Received datagram that is too short for a message',
  'unknown-message-type': 'Received message with unknown type',
  'reserved-bits-set': 'Received message with reserved bits set: not WireGuard, or a variant of it',
  'wrong-length': 'Received message with wrong length',
  'bad-mac1': 'Received message with invalid mac1: it was made for another public key',
  'under-load': 'Under load: sent a cookie reply instead of an answer',
  'handshake-overflow': 'Under load: dropped handshake messages because there was no time for them',
  'rate-limited': 'Under load: dropped handshake message from a source that sends too many',
  'unknown-index': 'Received message of a session or handshake that is unknown or has ended',
  'no-private-key': 'Received handshake message, but there is no private key',
  'invalid-handshake':
    'Received invalid handshake message: the two sides have different keys or preshared keys',
  'unknown-peer': 'Received handshake initiation from a public key that is not one of our peers',
  'replayed-initiation':
    'Received handshake initiation again: handshake replay, or the clock of the peer went back',
  'initiation-flood': 'Received handshake initiations too fast: handshake flood',
  'unexpected-response': 'Received handshake response that we did not expect',
  'unexpected-cookie': 'Received cookie reply that we did not expect',
  'invalid-cookie': 'Could not decrypt cookie reply',
  'expired-keypair': 'Received packet of a session that has expired',
  'counter-limit': 'Received packet with a counter above the limit',
  'invalid-tag': 'Received packet that does not authenticate',
  'replayed-counter': 'Received packet again, or far too late',
  'malformed-packet': 'Received packet that is not an IP packet, or has a wrong length',
  'disallowed-source': 'Received packet with disallowed source address: not in the AllowedIPs',
  'not-ip': 'Packet to send is not an IP packet',
  'no-peer': 'Packet to send has a destination that is not in the AllowedIPs of any peer',
  'no-endpoint': 'Packet to send to a peer without endpoint: the peer must send the first message',
  'peer-unusable':
    'Packet to send, but there is no private key, or the public key of the peer is not valid',
  'packet-too-big': 'Packet to send is too long',
  'staged-overflow': 'Too many packets wait for a handshake: dropped the oldest',
  'handshake-timeout': 'Dropped packets that waited for a handshake',
  'peer-removed': 'Dropped packets that waited for a handshake with a peer that was removed',
  'link-down': 'Dropped because the link is down',
  'tun-malformed': 'The interface returned a malformed packet',
  'tun-write-failed': 'The interface refused a packet',
  'send-failed': 'Failed to send datagram',
  'receive-truncated': 'Received datagram that is too long',
  'routing-loop': 'Our own datagram came back through our own tunnel: routing loop',
  'receive-malformed': 'The socket returned a malformed message',
};
