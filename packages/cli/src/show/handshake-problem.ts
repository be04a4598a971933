/**
 * `handshakeProblem`: why there is no handshake with a peer, as far as the counters show it.
 *
 * @module
 */
import type { DeviceDetails, DevicePeerStatus } from '@litz/config';

/**
 * Returns a sentence for a person; undefined: there is no problem, or the daemon does not report
 * it.
 */
export function handshakeProblem(
  { unansweredInitiations = 0, endpoint, drops = {} }: DevicePeerStatus,
  { privateKey, details }: { readonly privateKey?: unknown; readonly details?: DeviceDetails },
): string | undefined {
  if (!details) return undefined;
  if (!privateKey) return 'there is no private key';
  if (drops['invalid-handshake']) return 'the two sides have different keys or preshared keys';
  if (drops['replayed-initiation'])
    return 'the clock of the peer went back, or messages are replayed';
  if (unansweredInitiations < LEAST_UNANSWERED) {
    return !endpoint && drops['no-endpoint']
      ? 'there is no endpoint: the peer must send the first message'
      : undefined;
  }
  const times = `${unansweredInitiations} initiations without an answer`;
  if (details.drops['send-failed']) return `${times}: datagrams could not be sent`;
  if (details.drops['bad-mac1']) return `${times}: a peer has a wrong public key for this side`;
  return `${times}: the endpoint is wrong, a firewall drops the initiations, or the peer does not know the key of this side`;
}

/** One unanswered initiation is usual: the answer may be on its way. */
const LEAST_UNANSWERED = 2;
