/**
 * iperf3 between two namespaces.
 *
 * @module
 */
import { RunningCommand, until } from './command.ts';

export interface Transfer {
  /** What arrived, Mbit/s. */
  receivedMbps: number;
  /** What arrived, bytes. */
  receivedBytes: number;
}

export interface IperfOptions {
  /** Namespaces. */
  client: string;
  server: string;
  /** Where the server listens. */
  address: string;
  /** Of the transfer, or, where `args` say how much is to be sent, at most. */
  seconds: number;
  /** `args` say how much is to be sent: '-n', '-k'. */
  isLimited?: boolean;
  /** For the client: '-R', '-P', '4', ... */
  args?: readonly string[];
  /** Runs beside the transfer; the transfer is the longer one. */
  meanwhile?: () => Promise<void>;
}

/** @throws {Error} (rejects) iperf3 failed; what it said */
export async function runIperf(options: IperfOptions): Promise<Transfer> {
  const { client, server, address, seconds, isLimited = false, args = [], meanwhile } = options;
  const listener = new RunningCommand('iperf3', ['-s', '-1', '-B', address, '--forceflush'], {
    namespace: server,
  });
  try {
    await until('iperf3 listens', () => listener.output.includes('listening'), 5000);
    const duration = isLimited ? [] : ['-t', String(seconds)];
    const clientArgs = ['-J', '-c', address, ...duration, ...args];
    const sender = new RunningCommand('iperf3', clientArgs, { namespace: client });
    const timeoutMs = seconds * 1000 + 20_000;
    const [output] = await Promise.all([sender.result(timeoutMs), meanwhile?.()]);
    return parseIperf(output);
  } finally {
    await listener.end();
  }
}

/**
 * The JSON of an iperf3 client, TCP or UDP, whichever side received.
 *
 * @throws {Error} the error that iperf3 reports
 * @throws {RangeError} it is not that JSON
 */
export function parseIperf(output: string): Transfer {
  const report = JSON.parse(output) as IperfReport;
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`);
  const { sum_received: received, sum } = report.end ?? {};
  if (received) return transferOf(received.bits_per_second, received.bytes);
  if (!sum) throw new RangeError('"output" expected the report of an iperf3 client');
  // Before 3.17 UDP has one sum: of the sender, with the loss that the receiver found.
  const part = 1 - (sum.lost_percent ?? 0) / 100;
  return transferOf(sum.bits_per_second * part, sum.bytes * part);
}

interface IperfSum {
  bits_per_second: number;
  bytes: number;
  lost_percent?: number;
}

interface IperfReport {
  error?: string;
  end?: { sum_received?: IperfSum; sum?: IperfSum };
}

function transferOf(bitsPerSecond: number, bytes: number): Transfer {
  if (!Number.isFinite(bitsPerSecond) || !Number.isFinite(bytes)) {
    throw new RangeError('"output" expected bits_per_second and bytes');
  }
  return { receivedMbps: bitsPerSecond / 1e6, receivedBytes: bytes };
}
