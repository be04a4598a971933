/**
 * The results of `litz demo` as a short table, and the check that they show a working tunnel.
 *
 * @module
 */
import type { Crossing } from './crossing.ts';

export interface DemoResult {
  readonly handshakeMs: number;
  /** Round trip of each answered ping, in ms. */
  readonly rttsMs: readonly number[];
  readonly pingsSent: number;
  readonly transfer: { readonly bytes: number; readonly seconds: number; readonly intact: boolean };
  readonly crossing: Crossing;
  /** Frames that the capture lost. */
  readonly lostFrames: number;
}

/** Returns the table as lines, each with a line feed. */
export function formatReport(result: DemoResult): string {
  const { transfer, crossing, rttsMs } = result;
  const rows: [string, string][] = [
    ['handshake', `${result.handshakeMs.toFixed(1)} ms`],
    [
      'round trip',
      `${median(rttsMs).toFixed(2)} ms (median of ${rttsMs.length}, ${result.pingsSent} sent)`,
    ],
    [
      'throughput',
      `${((transfer.bytes * 8) / transfer.seconds / 1e9).toFixed(2)} Gbit/s (${megabytes(transfer.bytes)}, ` +
        `${transfer.intact ? 'SHA-256 the same on both sides' : 'NOT the same on both sides'})`,
    ],
    ['on the wire', wireText(crossing)],
    ['', `${crossing.readable} of them contain plaintext${lossText(result.lostFrames)}`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}\n`).join('');
}

/** Returns what is wrong with the results; empty if the tunnel works. */
export function failuresOf(result: DemoResult): string[] {
  const { crossing, transfer } = result;
  const failures: string[] = [];
  if (result.rttsMs.length === 0) failures.push('no ping was answered');
  if (!transfer.intact) failures.push('the data that arrived is not the data that was sent');
  if (crossing.readable > 0) failures.push('plaintext crossed the wire');
  if (crossing.others > 0) failures.push(`${crossing.others} frames on the wire are not WireGuard`);
  if (crossing.messages.transport === 0) failures.push('no transport data crossed the wire');
  return failures;
}

function wireText({ messages, neighbours, others, bytes }: Crossing): string {
  const kinds: [number, string][] = [
    [messages.initiation, 'initiation'],
    [messages.response, 'response'],
    [messages.cookieReply, 'cookie reply'],
    [messages.transport, 'transport data'],
    [messages.keepalive, 'keepalive'],
    [neighbours, 'neighbour discovery'],
    [others, 'OTHERS'],
  ];
  const counts = kinds.filter(([count]) => count > 0).map(([count, kind]) => `${count} ${kind}`);
  return `${megabytes(bytes)}, frames: ${counts.join(', ')}`;
}

function lossText(lost: number): string {
  return lost > 0 ? ` (the capture missed ${lost})` : '';
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
