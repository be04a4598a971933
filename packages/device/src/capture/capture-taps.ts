/**
 * `CaptureTaps`: all captures of a data plane. The packet path has this object as its tap while at
 * least one capture runs.
 *
 * A received handshake message is recorded when the engine has processed it, because it is known
 * only then whether the message was accepted.
 *
 * @module
 */
import type { DropReason, Endpoint, Engine, PacketRun, PublicKey, Transmit } from '@litz/core';
import {
  observe,
  peerOfMessage,
  peerOfPacket,
  readTotalLength,
  renewSessions,
  type EngineObserver,
  type HandshakeSecrets,
} from '@litz/core/internals';
import type { PacketTap } from '../plane/packet-tap.ts';
import type { CaptureFilter } from './capture-options.ts';
import { CaptureTap, type UnixTime } from './capture-tap.ts';
import type { OuterDatagram } from './outer-header.ts';

/** What captures need from the system. */
export interface CaptureSystem {
  /** Reads the time. Default: the clock of Node.js. */
  readonly readTime?: (out: UnixTime) => void;
  /**
   * Returns the local address that the kernel chooses for datagrams to an endpoint without a sticky
   * source; undefined if that is unknown.
   */
  readonly localAddress?: (destination: Endpoint, mark: number) => Uint8Array | undefined;
  /** Called with the id of a capture whose reader waits, when there is something to read. */
  readonly onBlocks: (id: number) => void;
}

/** The local port and the mark of the datagrams that are sent. */
export interface LocalSocket {
  /** 0 while the link is down. */
  readonly port: () => number;
  readonly mark: () => number;
}

export class CaptureTaps implements PacketTap {
  readonly #engine: Engine;
  readonly #system: CaptureSystem;
  readonly #local: LocalSocket;
  readonly #taps: Map<number, CaptureTap> = new Map();
  /** The values of `#taps`, for loops that allocate nothing. */
  #list: readonly CaptureTap[] = [];
  #looksUpPeers = false;
  readonly #time: UnixTime = { seconds: 0, nanoseconds: 0 };
  /**
   * The datagram that is being recorded. From `beforeOpen` to `afterOpen` it is the received one.
   */
  readonly #datagram: OuterDatagram;
  #peer: PublicKey | undefined = undefined;

  constructor(engine: Engine, local: LocalSocket, system: CaptureSystem) {
    this.#engine = engine;
    this.#local = local;
    this.#system = system;
    this.#datagram = {
      buffer: NO_ADDRESS.IPV4,
      offset: 0,
      length: 0,
      source: NO_ADDRESS.IPV4,
      destination: NO_ADDRESS.IPV4,
      sourcePort: 0,
      destinationPort: 0,
      tos: 0,
    };
  }

  /** How many captures run. */
  get size(): number {
    return this.#list.length;
  }

  /**
   * Starts a capture. With a key log, this starts new handshakes, so the caller must then poll the
   * engine's outputs.
   */
  start(id: number, memory: SharedArrayBuffer, filter: CaptureFilter, now: number): void {
    const tap = new CaptureTap(memory, filter);
    this.#taps.set(id, tap);
    this.#changed();
    if (filter.keyLog) renewSessions(this.#engine, (peer) => tap.wants(peer), now);
  }

  end(id: number): void {
    if (this.#taps.delete(id)) this.#changed();
  }

  /** Must be called after each turn: tells waiting readers that there is something to read. */
  wakeReaders(): void {
    for (const [id, tap] of this.#taps) if (tap.mustWake()) this.#system.onBlocks(id);
  }

  beforeSend(run: PacketRun): void {
    this.#readTime();
    this.#record(run, undefined);
  }

  afterSend(run: PacketRun, reason: DropReason | undefined): void {
    if (reason === undefined) {
      for (const tap of this.#list) tap.publish();
      return;
    }
    // Dropped packets were not encrypted in place, so the buffer still has their plaintext. They
    // are recorded again, with the reason.
    for (const tap of this.#list) tap.discard();
    this.#record(run, reason);
    for (const tap of this.#list) tap.publish();
  }

  transmit(transmit: Transmit): void {
    this.#readTime();
    const { destination, tos, peer, buffer, count } = transmit;
    const datagram = this.#datagram;
    datagram.buffer = buffer;
    datagram.source = this.#localAddress(destination);
    datagram.destination = destination.address;
    datagram.sourcePort = this.#local.port();
    datagram.destinationPort = destination.port;
    datagram.tos = tos;
    for (const tap of this.#list) {
      if (!tap.filter.outer || !tap.wants(peer)) continue;
      for (let i = 0; i < count; i++) {
        datagram.offset = transmit.offset + i * transmit.stride;
        datagram.length = i === count - 1 ? transmit.lastLength : transmit.length;
        tap.outer(datagram, false, this.#time, undefined);
      }
      tap.publish();
    }
  }

  beforeOpen(
    buffer: Uint8Array,
    offset: number,
    length: number,
    source: Endpoint,
    ecn: number,
  ): void {
    this.#readTime();
    this.#peer = this.#looksUpPeers
      ? peerOfMessage(this.#engine, buffer, offset, length)
      : undefined;
    this.#arrived(buffer, offset, length, source);
    this.#datagram.tos = ecn;
    for (const tap of this.#list) {
      if (tap.filter.outer && tap.wants(this.#peer)) {
        tap.outer(this.#datagram, true, this.#time, undefined);
      }
    }
  }

  afterOpen(opened: number | DropReason): void {
    const { buffer, offset, length } = this.#datagram;
    const waits = opened === 0 && buffer[offset] !== TRANSPORT_DATA;
    const reason = typeof opened === 'string' ? opened : undefined;
    for (const tap of this.#list) {
      if (waits) {
        tap.discard();
        continue;
      }
      if (reason) tap.explain(reason);
      tap.publish();
    }
    const packet = offset + HEADER_LENGTH;
    if (typeof opened === 'number') {
      if (opened > 0) this.#arrivedInside(buffer, packet, opened, undefined);
    } else if (reason === 'disallowed-source') {
      // The packet is authentic. It is recorded, because its source address shows what is missing
      // in the allowed IPs.
      const total = readTotalLength(buffer, packet, length - HEADER_LENGTH);
      if (total > 0) this.#arrivedInside(buffer, packet, total, reason);
    }
  }

  made(buffer: Uint8Array, offset: number, length: number): void {
    this.#readTime();
    this.#peer = undefined;
    this.#arrivedInside(buffer, offset, length, undefined);
  }

  #changed(): void {
    this.#list = [...this.#taps.values()];
    this.#looksUpPeers = this.#list.some(({ filter }) => filter.peers !== undefined);
    observe(this.#engine, this.#list.length > 0 ? this.#createObserver() : undefined);
  }

  #createObserver(): EngineObserver {
    const observer: EngineObserver = {
      handshakeMessage: (message, source, reason, peer) => {
        this.#readTime();
        this.#arrived(message, 0, message.length, source);
        this.#datagram.tos = 0;
        for (const tap of this.#list) {
          if (!tap.filter.outer || !tap.wants(peer)) continue;
          tap.outer(this.#datagram, true, this.#time, reason);
          tap.publish();
        }
      },
    };
    if (!this.#list.some(({ filter }) => filter.keyLog)) return observer;
    return { ...observer, handshakeSecrets: (secrets) => this.#logKeys(secrets) };
  }

  #logKeys(secrets: HandshakeSecrets): void {
    for (const tap of this.#list) {
      if (tap.filter.keyLog && tap.wants(secrets.peer)) tap.secrets(secrets);
    }
  }

  /** Records a run of packets that go out. */
  #record(run: PacketRun, reason: DropReason | undefined): void {
    const { buffer, offset, stride, count, length, lastLength } = run;
    const peer = this.#looksUpPeers
      ? peerOfPacket(this.#engine, buffer, offset, lastLength)
      : undefined;
    for (const tap of this.#list) {
      if (!tap.filter.inner || !tap.wants(peer)) continue;
      for (let i = 0; i < count; i++) {
        const each = i === count - 1 ? lastLength : length;
        tap.inner(buffer, offset + i * stride, each, false, this.#time, reason);
      }
    }
  }

  /** Records a packet that goes to the interface. */
  #arrivedInside(
    buffer: Uint8Array,
    offset: number,
    length: number,
    reason: DropReason | undefined,
  ): void {
    for (const tap of this.#list) {
      if (!tap.filter.inner || !tap.wants(this.#peer)) continue;
      tap.inner(buffer, offset, length, true, this.#time, reason);
      tap.publish();
    }
  }

  #arrived(buffer: Uint8Array, offset: number, length: number, source: Endpoint): void {
    const datagram = this.#datagram;
    datagram.buffer = buffer;
    datagram.offset = offset;
    datagram.length = length;
    datagram.source = source.address;
    datagram.destination = this.#localAddress(source);
    datagram.sourcePort = source.port;
    datagram.destinationPort = this.#local.port();
  }

  /**
   * Returns the device's own address in datagrams to and from an endpoint; the unspecified address
   * if the own address is unknown.
   */
  #localAddress(endpoint: Endpoint): Uint8Array {
    const { address, sourceAddress } = endpoint;
    const chosen = sourceAddress ?? this.#system.localAddress?.(endpoint, this.#local.mark());
    if (chosen?.length === address.length) return chosen;
    return address.length === 4 ? NO_ADDRESS.IPV4 : NO_ADDRESS.IPV6;
  }

  #readTime(): void {
    (this.#system.readTime ?? readNodeTime)(this.#time);
  }
}

function readNodeTime(out: UnixTime): void {
  const ms = performance.timeOrigin + performance.now();
  out.seconds = Math.floor(ms / 1000);
  out.nanoseconds = Math.floor((ms - out.seconds * 1000) * 1e6);
}

const NO_ADDRESS = { IPV4: new Uint8Array(4), IPV6: new Uint8Array(16) } as const;
/** The type of a transport data message. */
const TRANSPORT_DATA = 4;
/** Bytes in front of the packet in a transport data message. */
const HEADER_LENGTH = 16;
