/**
 * `Connection`: the state of one TCP connection (RFC 9293 3.3.1, "TCB"). It has no rules: those are
 * in the files beside it, each for one event.
 *
 * @module
 */
import type { StackError } from '../errors.ts';
import type { DeadlineOwner } from '../memory/deadline-heap.ts';
import type { IpAddress } from '../wire/ip-address.ts';
import type { ChunkPool } from '../memory/chunk-pool.ts';
import type { CongestionControl } from './congestion.ts';
import { ReceiveBuffer } from './receive-buffer.ts';
import { RtoEstimator } from './rto.ts';
import { SendBuffer } from './send-buffer.ts';
import { SentSegments } from './sent-segments.ts';
import type { SlowStart } from './slow-start.ts';

/** The states of RFC 9293 3.3.2. A listener is not a connection. */
export type TcpState =
  | 'syn-sent'
  | 'syn-received'
  | 'established'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'close-wait'
  | 'closing'
  | 'last-ack'
  | 'time-wait'
  | 'closed';

/** Who is told what happens to a connection. */
export interface ConnectionUser {
  /** Something changed: its state, what can be read, or what can be written. */
  changed(): void;
}

/** What the timer of retransmissions does when it fires. */
export type RetransmitKind = 'timeout' | 'tail-probe' | 'window-probe';

export class Connection implements DeadlineOwner {
  state: TcpState = 'closed';
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
  /** The keyed hash of addresses and ports. */
  readonly hash: number;
  user: ConnectionUser | undefined = undefined;
  /** The listener whose backlog it fills until it is accepted. */
  listener: ConnectionListener | undefined = undefined;
  /** Why it ended; undefined while it has not, or if it ended well. */
  error: StackError | undefined = undefined;
  /** The last error of ICMP that may pass (RFC 1122 4.2.3.9). */
  softError: StackError | undefined = undefined;

  // Sending. The names of RFC 9293 3.3.1 are SND.UNA, SND.NXT, SND.WND, SND.WL1, SND.WL2, ISS.
  initialSequence: number = 0;
  unacknowledged: number = 0;
  next: number = 0;
  /** In bytes, scaled. */
  sendWindow: number = 0;
  windowSequence: number = 0;
  windowAcknowledgement: number = 0;
  /** The largest window that the other side has offered. */
  largestWindow: number = 0;
  sendScale: number = 0;
  readonly sendBuffer: SendBuffer;
  /** The sequence number of position 0 of the send buffer. */
  dataStart: number = 0;
  /** The program sends no more: a FIN follows the data. */
  finQueued: boolean = false;
  finSent: boolean = false;
  /** The most bytes of data in a segment, without the timestamps option. */
  segmentSize: number = 536;
  /** `PathMtuTable.version` when `segmentSize` was computed. */
  pathVersion: number = 0;
  /** What the other side has announced (RFC 9293 3.7.1). */
  remoteSegmentSize: number = 536;
  readonly sent: SentSegments = new SentSegments();
  readonly rto: RtoEstimator = new RtoEstimator();
  readonly congestion: CongestionControl;
  /** The first slow start; undefined before data is acknowledged, and once it is over. */
  slowStart: SlowStart | undefined = undefined;
  hasLeftSlowStart: boolean = false;
  noDelay: boolean = false;
  /** Where the last segment ended that was not full. */
  smallEnd: number = 0;
  /** Whether the congestion window stopped the last attempt to send. */
  isLimited: boolean = false;
  /** When something was sent last. */
  lastSentAt: number = -Infinity;

  // Recovery.
  phase: 'open' | 'recovery' | 'loss' = 'open';
  /** SND.NXT when the recovery began (RFC 6675 3, "RecoveryPoint"). */
  recoveryPoint: number = 0;
  duplicateAcks: number = 0;
  /** One lost segment is sent without regard to the window. */
  mustResend: boolean = false;
  /** PRR (RFC 6937 3): FlightSize when the recovery began; bytes delivered and sent in it. */
  prrFlight: number = 0;
  prrDelivered: number = 0;
  prrSent: number = 0;
  /** How many times the timer has fired without an answer. */
  retries: number = 0;
  /** The timestamp of the first segment that was sent again after a timeout (RFC 3522). */
  timeoutStamp: number = 0;
  /** The window and the threshold before a timeout that may be undone; 0: none may be. */
  windowBefore: number = 0;
  thresholdBefore: number = 0;

  // RACK (RFC 8985 5.2).
  rackSentAt: number = -Infinity;
  rackEnd: number = 0;
  rackRoundTrip: number = 0;
  /** The last sequence number that was delivered. */
  rackForward: number = 0;
  rackSawReordering: boolean = false;
  /** RACK.reo_wnd_mult and RACK.reo_wnd_persist. */
  rackWindowFactor: number = 1;
  rackWindowPersist: number = 16;
  /** RACK.dsack_round: SND.NXT when a DSACK came; -1: none is being counted. */
  rackDsackRound: number = 0;
  rackHasDsackRound: boolean = false;
  /** TLP.end_seq, if `tailProbe` is not 'none' (RFC 8985 7.1). */
  tailProbeEnd: number = 0;
  tailProbe: 'none' | 'new-data' | 'resent' = 'none';

  // Receiving. RFC 9293 3.3.1: RCV.NXT, RCV.WND, IRS.
  initialReceived: number = 0;
  receiveNext: number = 0;
  /** RCV.NXT + RCV.WND as it was announced last. */
  announcedEdge: number = 0;
  receiveScale: number = 0;
  readonly receiveBuffer: ReceiveBuffer;
  /** The sequence number of the FIN of the other side, once it is known. */
  finSequence: number = 0;
  hasFin: boolean = false;
  /** The sequence number after the FIN was acknowledged: the stream has ended. */
  isEnded: boolean = false;
  /** The program reads no more. */
  isReadClosed: boolean = false;

  // Options.
  usesSack: boolean = false;
  usesTimestamps: boolean = false;
  timestampOffset: number = 0;
  /** TS.Recent and when it was set (RFC 7323 4.3, 5.5). */
  recentTimestamp: number = 0;
  recentTimestampAt: number = -Infinity;
  /** Last.ACK.sent. */
  lastAckSent: number = 0;
  /** Starts of the segments that came out of order, the last one first (RFC 2018 4). */
  recentBlocks: Int32Array = NO_BLOCKS;
  recentBlockCount: number = 0;
  /** A duplicate to report (RFC 2883 4). */
  duplicateStart: number = 0;
  duplicateEnd: number = 0;
  hasDuplicate: boolean = false;

  // ECN (RFC 3168 6.1).
  usesEcn: boolean = false;
  wantsEcn: boolean = false;
  /** A mark has come: ECE is set until the other side sets CWR. */
  echoesCongestion: boolean = false;
  /** The window was reduced: CWR is set on the next new data. */
  reportsReduction: boolean = false;
  /** SND.NXT when the window was reduced because of a mark. */
  reducedAt: number = 0;

  // Acknowledgements.
  needsAck: boolean = false;
  /** Bytes that came in order and are not acknowledged. */
  unackedBytes: number = 0;
  /** Segments that are acknowledged at once, at the beginning of a stream. */
  quickAcks: number = 16;
  /** When the last challenge ACK was sent. */
  challengedAt: number = -Infinity;

  // Window tuning.
  /** Bytes that the program has read since `tunedAt`. */
  readSinceTuning: number = 0;
  tunedAt: number = -Infinity;
  /** The round trip as the receiver sees it, in ms; 0: unknown. */
  receiverRoundTrip: number = 0;
  receiverMarkAt: number = -Infinity;
  receiverMarkEdge: number = 0;
  largestReceive: number = 0;
  largestSend: number = 0;

  // Timers, each a time in ms.
  retransmitAt: number = Infinity;
  retransmitKind: RetransmitKind = 'timeout';
  reorderAt: number = Infinity;
  ackAt: number = Infinity;
  /** Keepalive, TIME-WAIT, or the end of FIN-WAIT-2 without a program. */
  slowAt: number = Infinity;
  /** When TIME-WAIT began, or began again. */
  timeWaitAt: number = -Infinity;
  heapIndex: number = -1;
  heapKey: number = 0;
  /** Probes of the window or of the other side that were not answered. */
  probes: number = 0;
  /** A probe must be sent: a segment with an old sequence number (RFC 9293 3.8.4, 3.8.6.1). */
  needsProbe: boolean = false;
  /** The sender's timer against silly windows has fired (RFC 9293 3.8.6.2.1). */
  overridesSillyWindow: boolean = false;
  /** Keepalive: ms of silence; 0: off. */
  keepAliveAfter: number = 0;
  lastHeardAt: number = -Infinity;
  /** A RST must be sent, then the connection is gone. */
  needsReset: boolean = false;

  /** Whether it is in the list of connections that may have something to send. */
  isReady: boolean = false;

  constructor(identity: ConnectionIdentity, congestion: CongestionControl, buffers: Buffers) {
    this.local = identity.local;
    this.localPort = identity.localPort;
    this.remote = identity.remote;
    this.remotePort = identity.remotePort;
    this.hash = identity.hash;
    this.congestion = congestion;
    this.sendBuffer = new SendBuffer(buffers.pool, buffers.send);
    this.receiveBuffer = new ReceiveBuffer(buffers.pool, buffers.receive);
  }

  /** The first of its timers. */
  get deadline(): number {
    const { retransmitAt, reorderAt, ackAt, slowAt } = this;
    return Math.min(Math.min(retransmitAt, reorderAt), Math.min(ackAt, slowAt));
  }

  /** The sequence number after the last byte of data. */
  get dataEnd(): number {
    return (this.dataStart + this.sendBuffer.length) | 0;
  }

  /** Whether data can be sent and received: both SYNs are acknowledged. */
  get isSynchronized(): boolean {
    return this.state !== 'syn-sent' && this.state !== 'syn-received' && this.state !== 'closed';
  }
}

/** Most connections never see a gap. */
export const NO_BLOCKS: Int32Array = new Int32Array(0);

/** What tells a connection from all others. */
export interface ConnectionIdentity {
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
  readonly hash: number;
}

/** The first sizes of its buffers in bytes, and where their memory comes from. */
export interface Buffers {
  readonly pool: ChunkPool;
  readonly send: number;
  readonly receive: number;
}

/** Counts the connections that are not accepted yet. */
export interface ConnectionListener {
  /** Whether one more connection can wait to be accepted. */
  readonly canWait: boolean;
  /** The handshake of a connection is complete: it can be accepted. */
  complete(connection: Connection): void;
  /** A connection that was not accepted is gone. */
  forget(connection: Connection): void;
}
