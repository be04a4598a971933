/**
 * `carryOverTun`: sends packets of iperf3 through a tunnel whose ends report their garbage
 * collections.
 *
 * ```
 *   iperf3 -c > litz-a -- device-child -- va ======= vb -- device-child -- litz-b > iperf3 -s
 *                         namespace a                      namespace b
 * ```
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import { answerIn, withoutAnswers } from '../child.ts';
import { RunningCommand, until } from '../peers/command.ts';
import { runIperf } from '../peers/iperf.ts';
import { NamespacePair, type Side } from '../peers/namespace-pair.ts';
import { INNER } from '../peers/tunnel.ts';
import type { CarriedPackets } from './device-child.ts';
import { countCollections, TRACE_FLAGS, type Collections } from './gc-trace.ts';
import type { ProviderName } from './providers.ts';

export type Protocol = 'TCP' | 'UDP';

/** The reports of the sending and of the receiving end. */
export type EndReports = Readonly<Record<'sender' | 'receiver', EndReport>>;

export interface EndReport extends Collections {
  /** The number of packets that this end has sent, plus the number that it has received. */
  packets: number;
}

/**
 * Carries about `packets` packets from end a to end b.
 *
 * It ends both devices and closes the namespaces, even when it rejects. On a signal, `clean-up.ts`
 * does the same.
 */
export async function carryOverTun(
  protocol: Protocol,
  packets: number,
  provider: ProviderName,
): Promise<EndReports> {
  const namespaces = await NamespacePair.create();
  const ends = {
    a: startDevice(namespaces, 'a', provider),
    b: startDevice(namespaces, 'b', provider),
  };
  try {
    await Promise.all([untilReady(ends.a), untilReady(ends.b)]);
    await runIperf({
      client: namespaces.a,
      server: namespaces.b,
      address: INNER.b,
      seconds: LONGEST_SECONDS,
      args: ARGUMENTS[protocol](packets),
      isLimited: true,
    });
    const [sender, receiver] = await Promise.all([reportOf(ends.a), reportOf(ends.b)]);
    return { sender, receiver };
  } finally {
    await Promise.all([ends.a.end(), ends.b.end()]);
    namespaces.close();
  }
}

function startDevice(
  namespaces: NamespacePair,
  side: Side,
  provider: ProviderName,
): RunningCommand {
  const args = [...TRACE_FLAGS, CHILD, side, provider];
  return new RunningCommand(process.execPath, args, { namespace: namespaces[side] });
}

async function untilReady(end: RunningCommand): Promise<void> {
  await until(`${end.name}: ready`, () => {
    end.checkAlive();
    return /^ready$/m.test(end.output);
  });
}

async function reportOf(end: RunningCommand): Promise<EndReport> {
  await end.end();
  const { sent, received } = answerIn(end.output, end.name) as CarriedPackets;
  return { packets: sent + received, ...countCollections(withoutAnswers(end.output)) };
}

const CHILD = fileURLToPath(new URL('./device-child.js', import.meta.url));
/** Time limit of a transfer in seconds. */
const LONGEST_SECONDS = 300;
/** The payload of a UDP datagram in bytes. */
const UDP_LENGTH = 1372;
/**
 * The payload of a TCP segment in bytes: MTU 1420 without the headers of IPv4 and TCP with
 * timestamps.
 */
const SEGMENT = 1368;
const ARGUMENTS: Record<Protocol, (packets: number) => string[]> = {
  TCP: (packets) => ['-n', String(packets * SEGMENT)],
  UDP: (packets) => ['-u', '-b', '400M', '-l', String(UDP_LENGTH), '-k', String(packets)],
};
