/**
 * `Engine`: the whole protocol as one object that is told what happens and says what to do.
 *
 * Everything follows one loop; nothing else moves state:
 *
 * 1. Give an input: `handlePacket` (from the interface), `handleDatagram` (from the network),
 *    `handleTimeout` (a deadline passed), or `configure`, `linkUp`, `linkDown`.
 * 2. `pollTransmit()` until undefined: send these datagrams.
 * 3. `pollPacket()` until undefined: write these packets to the interface.
 * 4. `pollEvent()` until undefined: tell whoever wants to know.
 * 5. `pollTimeout()`: the exact time of the next deadline.
 * 6. Sleep until an input comes or that time, whichever is first, and start again at 1.
 *
 * `now` is monotonic milliseconds that count suspended time (CLOCK_BOOTTIME on Linux).
 * Paper: sections 3 and 6. It opens no sockets and reads no clock.
 *
 * @module
 */
import type { EngineConfiguration } from './configuration.ts';
import type { CryptoProvider } from './crypto/provider.ts';
import type { DropReason } from './drop-reason.ts';
import type { Endpoint } from './endpoint.ts';
import type { PublicKey } from './keys.ts';
import type { EngineEvent, PacketView, Transmit } from './outputs.ts';
import { EngineStats, type PeerStatus } from './stats.ts';

/** What an engine needs from the world around it. */
export interface EngineOptions {
  /** Fills `out` with random bytes: keys, indices and jitter come from it. */
  randomBytes: (out: Uint8Array) => void;
  /** Unix milliseconds, for handshake timestamps only; it may jump, timestamps stay monotonic. */
  unixTime: () => number;
  /** Default: `nobleProvider`. */
  crypto?: CryptoProvider;
  /** Of the inner packets, default 1420. Padding never goes past it. */
  mtu?: number;
  /** Give up a handshake after this long instead of Rekey-Attempt-Time (20 sends). */
  handshakeGiveUpMs?: number;
  /** Message limits, so that tests reach them. */
  limits?: { rekeyAfterMessages?: number; rejectAfterMessages?: number };
  /** From how many handshake messages per second on cookies are asked for. */
  underLoad?: { handshakesPerSecond?: number };
}

export class Engine {
  readonly stats: EngineStats = new EngineStats();
  mtu: number;

  /** @throws {TypeError | RangeError} an option of the wrong type or outside its range */
  constructor(options: EngineOptions) {
    this.mtu = options.mtu ?? 1420;
  }

  configure(_change: EngineConfiguration, _now: number): void {}
  get publicKey(): PublicKey | undefined {
    return undefined;
  }
  linkUp(_now: number): void {}
  linkDown(_now: number): void {}
  handlePacket(_packet: Uint8Array, _now: number): DropReason | undefined {
    return undefined;
  }
  handlePacketAt(
    _buffer: Uint8Array,
    _offset: number,
    _length: number,
    _now: number,
  ): DropReason | undefined {
    return undefined;
  }
  handleDatagram(
    _datagram: Uint8Array,
    _source: Endpoint,
    _now: number,
    _ecn = 0,
  ): DropReason | undefined {
    return undefined;
  }
  handleDatagramAt(
    _buffer: Uint8Array,
    _offset: number,
    _length: number,
    _source: Endpoint,
    _ecn: number,
    _now: number,
  ): DropReason | undefined {
    return undefined;
  }
  handleTimeout(_now: number): void {}
  pollTransmit(): Transmit | undefined {
    return undefined;
  }
  pollPacket(): PacketView | undefined {
    return undefined;
  }
  pollEvent(): EngineEvent | undefined {
    return undefined;
  }
  pollTimeout(): number {
    return Infinity;
  }
  peers(): PeerStatus[] {
    return [];
  }
  peer(_publicKey: PublicKey): PeerStatus | undefined {
    return undefined;
  }
}
