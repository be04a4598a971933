/**
 * A UDP relay in front of a WireGuard node of the same namespace:
 * `loss-relay-child.js PORT TO_PORT SHARE DELAY_MS SEED`. It loses a share of the datagrams and
 * delays the others, in both directions. The seed decides which datagrams are lost.
 *
 * @module
 */
import { DatagramRelay } from '@litz/testkit';

const [port = 0, to = 0, loss = 0, latency = 0, seed = 1] = process.argv.slice(2).map(Number);
await DatagramRelay.open({ port, to, path: { loss, latency, seed } });
process.stdout.write('ready\n');
