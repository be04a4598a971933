/**
 * `measureHandshakes`: measures how many handshakes per second a responder answers on one core.
 *
 * ```
 *   core 0: the responder's daemon        core 1: the generator
 *           127.0.0.1:51820 <------------ 127.1.0.1, 127.1.0.2, ...  one address per peer
 * ```
 * The daemon and the generator are in one network namespace and communicate over its loopback
 * interface. The load is the same for every implementation. One program (`generator-child.ts`)
 * sends initiations that are ready before the clock starts. An answer counts if its index is right
 * and if its mac1 shows that the responder has identified the initiator. A responder that sends
 * such an answer has done all of its work for the handshake. Only the first packet of the
 * initiator, which confirms the session, is missing.
 *
 * Implementations detect load differently: Litz counts handshakes per second, wireguard-go looks at
 * its queue. Under load they demand a cookie, and answer at most 20 initiations per second and
 * address. The benchmark does not switch these limits off. It stays below them, like many clients
 * that connect at the same time: every peer has its own address, sends its cookie when it has one,
 * and sends fewer than 20 initiations per second. So the cost of checking mac2 is included for an
 * implementation under load.
 *
 * The default number of unanswered initiations (96) is large enough to keep the responder's core
 * busy. It is below 128, because wireguard-go is under load from 128 on. If the responder's core is
 * busy for much less than 100 % of the time, the generator was too slow. Then the CPU time per
 * handshake is a better figure than the rate.
 *
 * @module
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseCidr } from '@litz/config';
import { nobleProvider, publicKeyOf } from '@litz/core';
import { answerIn } from '../child.ts';
import { missingProgram, runCommand } from '../peers/command.ts';
import { Daemon } from '../peers/daemon.ts';
import type { Implementation } from '../peers/implementation.ts';
import { missingNamespaces, NamespacePair } from '../peers/namespace-pair.ts';
import { alternate, type RoundsOutcome, type Sample } from '../peers/rounds.ts';
import type { GeneratorReport } from './generator-child.ts';
import { initiatorKey, responderKey } from './initiations.ts';

export interface HandshakeSettings {
  implementations: readonly Implementation[];
  rounds: number;
  /**
   * The longest time of the load, in seconds. The load also ends when the initiations are used up.
   */
  seconds: number;
  peers: number;
  initiationsPerPeer: number;
  /** Unanswered initiations at a time. */
  inFlight: number;
}

/** Measures all implementations in turn. Each measurement has a new daemon in a new namespace. */
export function measureHandshakes(
  settings: HandshakeSettings,
  progress: (text: string) => void,
): Promise<RoundsOutcome> {
  const { implementations, rounds } = settings;
  const missing = missingCores() ?? missingNamespaces() ?? missingProgram('taskset', ['-V']);
  const take = (implementation: Implementation): Promise<Sample[]> =>
    takeTurn(implementation, settings);
  return alternate({ implementations, rounds, missing, take }, progress);
}

function missingCores(): string | undefined {
  return availableParallelism() < 2 ? 'only one core: responder and load need one each' : undefined;
}

async function takeTurn(
  implementation: Implementation,
  settings: HandshakeSettings,
): Promise<Sample[]> {
  const namespaces = await NamespacePair.create();
  const namespace = namespaces.a;
  const daemon = new Daemon(implementation, { namespace, core: RESPONDER_CORE });
  try {
    await daemon.untilListening();
    await daemon.configure({
      privateKey: responderKey(),
      listenPort: PORT,
      peers: Array.from({ length: settings.peers }, (_, number) => peerOf(number)),
    });
    await daemon.bringUp('10.9.0.1/24', 1420);
    const report = await generateLoad(namespace, daemon.process.pid, settings);
    daemon.checkAlive();
    return samplesOf(report);
  } finally {
    await daemon.close();
    namespaces.close();
  }
}

/** Returns the configuration of a peer, with its own inner address. */
function peerOf(number: number): {
  publicKey: ReturnType<typeof publicKeyOf>;
  allowedIps: ReturnType<typeof parseCidr>[];
} {
  const publicKey = publicKeyOf(initiatorKey(number), nobleProvider);
  return { publicKey, allowedIps: [parseCidr(`10.9.${1 + (number >> 8)}.${number & 255}/32`)] };
}

async function generateLoad(
  namespace: string,
  responderPid: number,
  { peers, initiationsPerPeer, inFlight, seconds }: HandshakeSettings,
): Promise<GeneratorReport> {
  const module = fileURLToPath(new URL('./generator-child.js', import.meta.url));
  const numbers = [PORT, peers, initiationsPerPeer, inFlight, seconds, responderPid].map(String);
  const output = await runCommand(
    'taskset',
    ['-c', String(GENERATOR_CORE), process.execPath, module, ...numbers],
    { namespace, timeoutMs: (seconds + 300) * 1000 },
  );
  return answerIn(output, module) as GeneratorReport;
}

function samplesOf(report: GeneratorReport): Sample[] {
  const { responses, lost, seconds, responderCpuSeconds } = report;
  if (responses === 0) throw new Error(`no handshake was answered: ${JSON.stringify(report)}`);
  if (report.invalid > 0) throw new Error(`${report.invalid} answers were wrong`);
  return [
    { figure: 'handshakes per second', unit: '1/s', value: responses / seconds },
    {
      figure: 'CPU of the responder per handshake',
      unit: 'ms',
      value: (responderCpuSeconds * 1000) / responses,
    },
    {
      figure: 'load on the core of the responder',
      unit: '%',
      value: (responderCpuSeconds * 100) / seconds,
    },
    {
      figure: 'initiations without an answer',
      unit: '%',
      value: (lost * 100) / (responses + lost),
    },
  ];
}

const PORT = 51820;
const RESPONDER_CORE = 0;
const GENERATOR_CORE = 1;
