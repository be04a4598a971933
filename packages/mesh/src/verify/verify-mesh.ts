/**
 * `verifyMesh`: sends probes (marked test packets) to every peer, captures the frames on the
 * underlay meanwhile, and reports for each peer whether its traffic is encrypted. It runs in the
 * process of the caller, which needs CAP_NET_RAW and must be in the node's network namespace. From
 * the agent it needs only the status.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { MeshStatus } from '../status/mesh-status.ts';
import { readMarked, readSealedEndpoint } from './frame.ts';
import { judge, type Judgement, type Observations, type Sighting } from './judge.ts';
import { ProbeMarks, RUN_LENGTH } from './probe-mark.ts';
import {
  planProbes,
  PROBE_PROTOCOLS,
  type PeerPlan,
  type ProbeProtocol,
  type ProbeTarget,
} from './probe-plan.ts';
import { DISCARD_PORT, IcmpProbes, TcpProbe, UdpProbe, type Probe } from './probes.ts';
import { UnderlayCapture, underlayLinks, type CapturedFrame } from './underlay-capture.ts';

/** Options of `verifyMesh`. Times are in milliseconds. */
export interface VerifyOptions {
  /** How many milliseconds to wait for answers of each group of peers; default: 3000. */
  readonly timeoutMs?: number;
}

/**
 * Returns a verdict for each peer of the status.
 *
 * @throws {SystemError} EPERM: no CAP_NET_RAW
 */
export async function verifyMesh(
  status: MeshStatus,
  options: VerifyOptions = {},
): Promise<Judgement> {
  const { timeoutMs = 3000 } = options;
  const plans = planProbes(status);
  const links = underlayLinks(plans, status.interface.name);
  const run = new ProbeRun(plans, new UnderlayCapture(links), status.interface.port);
  try {
    for (let first = 0; first < plans.length; first += PEERS_AT_ONCE) {
      await run.probe(plans.slice(first, first + PEERS_AT_ONCE), timeoutMs);
    }
    return judge(run.observations());
  } finally {
    run.close();
  }
}

/** A probe, and where it was seen in plaintext. */
interface Sent {
  readonly plan: PeerPlan;
  readonly target: ProbeTarget;
  readonly protocol: ProbeProtocol;
  readonly probe: Probe;
  readonly sightings: Sighting[];
}

class ProbeRun {
  readonly #plans: readonly PeerPlan[];
  readonly #capture: UnderlayCapture;
  /** UDP port of the tunnels. */
  readonly #port: number;
  readonly #marks = new ProbeMarks(randomBytes(RUN_LENGTH));
  readonly #icmp = new IcmpProbes();
  /** All probes. The index is the number of the probe, which its mark carries. */
  readonly #sent: Sent[] = [];
  /** How many encrypted datagrams were seen to (out) and from (in) each endpoint. */
  readonly #sealed = { out: new Map<string, number>(), in: new Map<string, number>() };

  constructor(plans: readonly PeerPlan[], capture: UnderlayCapture, port: number) {
    this.#plans = plans;
    this.#capture = capture;
    this.#port = port;
  }

  /**
   * Sends the probes of these plans. Resolves when all of them are answered. After a second, one
   * answer for each pair of addresses is enough. After `timeoutMs`, it resolves in any case.
   */
  async probe(plans: readonly PeerPlan[], timeoutMs: number): Promise<void> {
    const sent = plans.flatMap((plan) =>
      plan.targets.flatMap((target) => this.#createProbes(plan, target)),
    );
    if (sent.length === 0) return;
    try {
      const start = performance.now();
      let sends = 0;
      for (;;) {
        const elapsed = performance.now() - start;
        if (elapsed >= sends * RESEND_MS) {
          for (const { probe } of sent) if (!probe.isAnswered) probe.send();
          sends++;
        }
        this.#readResults();
        // Some firewalls let only echoes pass. So one answer for each pair of addresses is enough
        // after a while.
        const isEnough = elapsed >= RESEND_MS * 2 && everyTargetAnswers(sent);
        if (isEnough || elapsed >= timeoutMs || sent.every(({ probe }) => probe.isAnswered)) break;
        await delay(READ_INTERVAL_MS);
      }
      // Frames that are on their way still reach the capture.
      await delay(LINGER_MS);
      this.#readResults();
    } finally {
      for (const { probe } of sent) probe.close();
    }
  }

  observations(): Observations {
    const sentTo = new Map<PeerPlan, Sent[]>(this.#plans.map((plan) => [plan, []]));
    for (const sent of this.#sent) sentTo.get(sent.plan)?.push(sent);
    const peers = this.#plans.map((plan) => {
      const { peer, obstacle, endpoint } = plan;
      const sent = sentTo.get(plan) ?? [];
      const targets = plan.targets.map((target) => {
        const its = sent.filter((one) => one.target === target);
        const answered = its.filter(({ probe }) => probe.isAnswered);
        return {
          target,
          answered: answered.map(({ protocol }) => protocol),
          sendError: its.find(({ probe }) => probe.error !== undefined)?.probe.error,
          plaintext: its.flatMap(({ sightings }) => sightings),
        };
      });
      const key = withoutZone(endpoint ?? '');
      const sealedOut = this.#sealed.out.get(key) ?? 0;
      const sealedIn = this.#sealed.in.get(key) ?? 0;
      return { peer, obstacle, targets, sealedOut, sealedIn };
    });
    return { links: this.#capture.links, lost: this.#capture.lost, peers };
  }

  close(): void {
    this.#icmp.close();
    this.#capture.close();
  }

  #createProbes(plan: PeerPlan, target: ProbeTarget): Sent[] {
    return PROBE_PROTOCOLS.map((protocol) => {
      const number = this.#sent.length;
      const probe = this.#probe(number, protocol, target);
      const sent = { plan, target, protocol, probe, sightings: [] };
      this.#sent.push(sent);
      return sent;
    });
  }

  #probe(number: number, protocol: ProbeProtocol, target: ProbeTarget): Probe {
    const payload = this.#marks.payload(number);
    if (protocol === 'icmp') return this.#icmp.add(target, payload);
    if (protocol === 'udp') return new UdpProbe(target, payload);
    const { source, destination } = target;
    const probe = new TcpProbe(target);
    const ports = { sourcePort: probe.localPort, destinationPort: DISCARD_PORT };
    this.#marks.addFlow(number, { source, destination, ...ports });
    return probe;
  }

  #readResults(): void {
    this.#icmp.collect();
    this.#capture.drain((captured) => this.#take(captured));
  }

  #take({ frame, link, isOutgoing }: CapturedFrame): void {
    const marked = this.#marks.find(frame);
    const sent = marked && this.#sent[marked.probe];
    if (marked && sent) {
      const read = readMarked(frame, marked.offset);
      sent.sightings.push({
        protocol: sent.protocol,
        flow: read?.flow ?? sent.target,
        link,
        direction: isOutgoing ? 'out' : 'in',
        isInner: read?.isInner ?? true,
      });
    }
    const other = readSealedEndpoint(frame, { port: this.#port, isOutgoing });
    if (other === undefined) return;
    const counts = isOutgoing ? this.#sealed.out : this.#sealed.in;
    counts.set(other, (counts.get(other) ?? 0) + 1);
  }
}

function everyTargetAnswers(sent: readonly Sent[]): boolean {
  const answering = new Set(
    sent.filter(({ probe }) => probe.isAnswered).map(({ target }) => target),
  );
  return sent.every(({ target }) => answering.has(target));
}

/** Removes the zone from `[fe80::1%eth0]:51871`, because packets contain no zone. */
function withoutZone(endpoint: string): string {
  return endpoint.replace(/%[^\]]*/, '');
}

/** How many peers are probed at the same time. */
const PEERS_AT_ONCE = 32;
/** Interval in milliseconds at which answers and frames are read. */
const READ_INTERVAL_MS = 4;
/** Interval in milliseconds at which probes without an answer are sent again. */
const RESEND_MS = 500;
/** How many milliseconds the capture continues after the last answer or after the timeout. */
const LINGER_MS = 100;
