/**
 * Runs iperf3 between two namespaces.
 *
 * @module
 */
import { RunningCommand, until } from './command.ts';

export interface Transfer {
  /** The received rate in Mbit/s. */
  receivedMbps: number;
  /** The received bytes. */
  receivedBytes: number;
}

export interface IperfOptions {
  /** The namespaces of client and server. */
  client: string;
  server: string;
  /** The address on which the server listens. */
  address: string;
  /**
   * The length of the transfer, in seconds. If `args` limit the amount of data, it is the longest
   * time that the transfer may take.
   */
  seconds: number;
  /** Whether `args` limit the amount of data: '-n', '-k'. */
  isLimited?: boolean;
  /** How many ms the client may take longer than `seconds`; default: 20,000. */
  graceMs?: number;
  /** Arguments of the client: '-R', '-P', '4', ... */
  args?: readonly string[];
  /** Called during the transfer. The transfer must take longer than this call. */
  meanwhile?: () => Promise<void>;
}

/**
 * Starts a server, and runs a client until the transfer has ended.
 *
 * @throws {Error} (rejects) iperf3 failed; the message has its output
 */
export async function runIperf(options: IperfOptions): Promise<Transfer> {
  const { client, server, address, seconds, isLimited = false, args = [], meanwhile } = options;
  const { graceMs = 20_000 } = options;
  const listener = new RunningCommand('iperf3', ['-s', '-1', '-B', address, '--forceflush'], {
    namespace: server,
  });
  try {
    await until('iperf3 listens', () => listener.output.includes('listening'), 5000);
    const duration = isLimited ? [] : ['-t', String(seconds)];
    const clientArgs = ['-J', '-c', address, ...duration, ...args];
    const sender = new RunningCommand('iperf3', clientArgs, { namespace: client });
    const timeoutMs = seconds * 1000 + graceMs;
    const [output] = await Promise.all([sender.result(timeoutMs), meanwhile?.()]);
    return parseIperf(output);
  } finally {
    await listener.end();
  }
}

/**
 * Parses the JSON of an iperf3 client, for TCP or UDP, in either direction.
 *
 * @throws {Error} the error that iperf3 reports
 * @throws {RangeError} the JSON is not the report of an iperf3 client
 */
export function parseIperf(output: string): Transfer {
  const report = JSON.parse(output) as IperfReport;
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`);
  const { sum_received: receiverSum, sum } = report.end ?? {};
  if (receiverSum) return transferOf(receiverSum.bits_per_second, receiverSum.bytes);
  if (!sum) throw new RangeError('"output" expected the report of an iperf3 client');
  // Before iperf3 3.17, a UDP report has only the sum of the sender, and the loss that the receiver
  // has measured.
  const received = 1 - (sum.lost_percent ?? 0) / 100;
  return transferOf(sum.bits_per_second * received, sum.bytes * received);
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
