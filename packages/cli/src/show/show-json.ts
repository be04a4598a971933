/**
 * `showJson`: an interface as data for a program: `litz show --json`.
 *
 * @module
 */
import { formatCidr, formatEndpoint, type DeviceStatus } from '@litz/config';
import { formatKey } from '@litz/core';
import { handshakeProblem } from './handshake-problem.ts';
import { publicKeyOfStatus } from './public-key.ts';

/**
 * Returns plain data. Keys other than public ones are left out. A field that is not set is absent.
 */
export function showJson(name: string, status: DeviceStatus): object {
  const { listenPort, fwmark, details, peers } = status;
  const publicKey = publicKeyOfStatus(status);
  return {
    name,
    ...(publicKey !== undefined && { publicKey }),
    listenPort,
    fwmark,
    ...details,
    peers: peers.map((peer) => {
      const problem = handshakeProblem(peer, status);
      const { unansweredInitiations, drops, endpoint, endpointName } = peer;
      const { receivedMessages, sentMessages, roundTripMs } = peer;
      return {
        publicKey: formatKey(peer.publicKey),
        hasPresharedKey: peer.presharedKey !== undefined,
        ...(endpoint && { endpoint: formatEndpoint(endpoint) }),
        ...(endpointName !== undefined && { endpointName }),
        allowedIps: peer.allowedIps.map((prefix) => formatCidr(prefix)),
        lastHandshakeUnixMs: peer.lastHandshakeUnixMs,
        receivedBytes: peer.receivedBytes,
        sentBytes: peer.sentBytes,
        ...(receivedMessages !== undefined && { receivedMessages }),
        ...(sentMessages !== undefined && { sentMessages }),
        ...(roundTripMs !== undefined && { roundTripMs }),
        persistentKeepalive: peer.persistentKeepalive,
        ...(unansweredInitiations !== undefined && { unansweredInitiations }),
        ...(drops && { drops }),
        ...(problem !== undefined && { handshakeProblem: problem }),
      };
    }),
  };
}
