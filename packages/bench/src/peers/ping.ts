/**
 * Runs the system's ping and reads the time of each packet.
 *
 * @module
 */
import { runCommand } from './command.ts';

export interface PingTimes {
  /** Round trips in ms, in the order of the answers. */
  times: number[];
  sent: number;
}

/** Sends `count` pings from a network namespace. @throws {Error} (rejects) there was no answer */
export async function ping(
  namespace: string,
  address: string,
  count: number,
  intervalSeconds: number,
): Promise<PingTimes> {
  const args = ['-n', '-c', String(count), '-i', String(intervalSeconds), '-W', '2', address];
  const timeoutMs = count * intervalSeconds * 1000 + 15_000;
  const result = parsePing(await runCommand('ping', args, { namespace, timeoutMs }));
  if (result.times.length === 0) throw new Error(`ping ${address}: no answer`);
  return result;
}

/**
 * Parses the output of `ping -n` of iputils. Duplicates are not counted.
 *
 * @throws {RangeError} the summary is missing
 */
export function parsePing(output: string): PingTimes {
  const summary = /^(\d+) packets transmitted/m.exec(output);
  if (!summary) throw new RangeError('"output" expected the summary of ping');
  const times: number[] = [];
  for (const line of output.split('\n')) {
    const found = / time=([\d.]+) ms$/.exec(line.trimEnd());
    if (found) times.push(Number(found[1]));
  }
  return { times, sent: Number(summary[1]) };
}
