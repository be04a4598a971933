/**
 * `Sending`: the state of what a connection sends: what is on the way, how much may be on the way,
 * and what was lost. Like `Connection`, it has no rules.
 *
 * A connection has a `Sending` while its SYN is on the way, and again from the first byte or FIN
 * on. A connection that waits for the other side has none, which saves memory: there may be many
 * such connections.
 *
 * @module
 */
import type { StackError } from '../errors.ts';
import type { CongestionControl } from './congestion.ts';
import { Cubic } from './cubic.ts';
import { NewReno } from './new-reno.ts';
import { RtoEstimator } from './rto.ts';
import { SentSegments } from './sent-segments.ts';
import type { SlowStart } from './slow-start.ts';

/** What the timer of retransmissions does when it fires. */
export type RetransmitKind = 'timeout' | 'tail-probe' | 'window-probe';

export class Sending {
  readonly sent: SentSegments = new SentSegments();
  readonly rto: RtoEstimator = new RtoEstimator();
  readonly congestion: CongestionControl;
  /** The first slow start; undefined before data is acknowledged, and once it is over. */
  slowStart: SlowStart | undefined = undefined;
  hasLeftSlowStart: boolean = false;
  /** The sequence number after the last segment that was not full. */
  smallEnd: number;
  /** Whether the congestion window stopped the last attempt to send. */
  isLimited: boolean = false;
  /** When data was sent last. */
  lastSentAt: number = -Infinity;

  // Timers, each a time in ms.
  retransmitAt: number = Infinity;
  retransmitKind: RetransmitKind = 'timeout';
  reorderAt: number = Infinity;
  /** Whether the sender's timer against silly windows has fired (RFC 9293 3.8.6.2.1). */
  overridesSillyWindow: boolean = false;

  // Recovery.
  phase: 'open' | 'recovery' | 'loss' = 'open';
  /** SND.NXT when the recovery began (RFC 6675 3, "RecoveryPoint"). */
  recoveryPoint: number = 0;
  duplicateAcks: number = 0;
  /** Whether one lost segment is sent without regard to the window. */
  mustResend: boolean = false;
  /**
   * PRR (RFC 9937 6.1): FlightSize when the recovery began. The next two fields are the bytes that
   * were delivered and sent since then.
   */
  prrFlight: number = 0;
  prrDelivered: number = 0;
  prrSent: number = 0;
  /** The last ICMP error about a problem that may be temporary (RFC 1122 4.2.3.9). */
  softError: StackError | undefined = undefined;
  /** How many times the retransmission timer has fired since data was last acknowledged. */
  retries: number = 0;
  /** The timestamp of the first segment that was sent again after a timeout (RFC 3522). */
  timeoutStamp: number = 0;
  /** What F-RTO waits for (RFC 5682 3.1); see early-timeout.ts. */
  frto: 'none' | 'resent' | 'new-data' = 'none';
  /** The window and the threshold before a timeout that may be undone; 0: there is none. */
  windowBefore: number = 0;
  thresholdBefore: number = 0;

  // RACK (RFC 8985 5.2).
  rackSentAt: number = -Infinity;
  rackEnd: number;
  rackRoundTrip: number = 0;
  /** The sequence number after the last byte that is known to be delivered (RACK.fack). */
  rackForward: number;
  rackSawReordering: boolean = false;
  /** RACK.reo_wnd_mult and RACK.reo_wnd_persist. */
  rackWindowFactor: number = 1;
  rackWindowPersist: number = 16;
  /** RACK.dsack_round: SND.NXT when a DSACK came. */
  rackDsackRound: number = 0;
  rackHasDsackRound: boolean = false;
  /** TLP.end_seq, if `tailProbe` is not 'none' (RFC 8985 7.1). */
  tailProbeEnd: number = 0;
  tailProbe: 'none' | 'new-data' | 'resent' = 'none';

  // Probes of the path (RFC 4821 7); see path-probe.ts.
  probe: 'none' | 'sent' | 'lost' = 'none';
  probeStart: number = 0;
  probeEnd: number = 0;
  /** The length of the probe's packet in bytes. */
  probeLength: number = 0;

  // ECN (RFC 3168 6.1).
  /** Whether the window was reduced: CWR is set on the next new data. */
  reportsReduction: boolean = false;
  /** SND.NXT when the window was reduced because of a mark. */
  reducedAt: number;

  /**
   * @param congestionControl the option of the connection
   * @param segmentSize SMSS in bytes
   * @param initialSequence ISS
   */
  constructor(
    congestionControl: 'cubic' | 'new-reno',
    segmentSize: number,
    initialSequence: number,
  ) {
    const isCubic = congestionControl === 'cubic';
    this.congestion = isCubic ? new Cubic(segmentSize) : new NewReno(segmentSize);
    this.smallEnd = this.rackEnd = this.rackForward = this.reducedAt = initialSequence;
  }
}
