/**
 * `IcmpProbes`, `UdpProbe`, `TcpProbe`: one probe each, sent from an address of this node, and whether it
 * was answered. An answer is whatever only the other end's kernel can send: an echo reply, a port that is
 * closed, a connection.
 *
 * @module
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { randomInt } from 'node:crypto';
import { connect, type Socket as TcpSocket } from 'node:net';
import { parseAddress } from '@litz/core';
import { SystemError } from '@litz/sys';
import { RawSocket } from '@litz/sys/tools';
import type { ProbeTarget } from './probe-plan.ts';

export interface Probe {
  /** Sends it, or sends it again. Never throws. */
  send(): void;
  readonly isAnswered: boolean;
  /** Why it couldn't be sent the last time. */
  readonly error: string | undefined;
  close(): void;
}

/** The echo requests of a run: those from one address share a socket. */
export class IcmpProbes {
  /** By source address. */
  readonly #sockets = new Map<string, RawSocket>();
  /** By their payload. */
  readonly #probes = new Map<string, IcmpProbe>();

  /** @param payload borrowed; it tells it from all others */
  add(target: ProbeTarget, payload: Uint8Array): Probe {
    const probe = new IcmpProbe(() => this.#socket(target), target, payload);
    this.#probes.set(textOf(payload), probe);
    return probe;
  }

  /** Takes all answers that are there. */
  collect(): void {
    for (const socket of this.#sockets.values()) {
      for (let reply = socket.receive(); reply; reply = socket.receive()) {
        const probe = this.#probes.get(textOf(reply.message.subarray(ECHO_HEADER_LENGTH)));
        if (probe) probe.isAnswered = true;
      }
    }
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #socket({ family, source }: ProbeTarget): RawSocket {
    const known = this.#sockets.get(source);
    if (known) return known;
    const reply = family === 4 ? ECHO_REPLY_V4 : ECHO_REPLY_V6;
    const made = new RawSocket(family, [reply], { source: parseAddress(source) });
    this.#sockets.set(source, made);
    return made;
  }
}

class IcmpProbe implements Probe {
  isAnswered = false;
  error: string | undefined = undefined;
  readonly #socket: () => RawSocket;
  readonly #destination: Uint8Array;
  readonly #message: Uint8Array;

  constructor(socket: () => RawSocket, { family, destination }: ProbeTarget, payload: Uint8Array) {
    this.#socket = socket;
    this.#destination = parseAddress(destination);
    this.#message = new Uint8Array(ECHO_HEADER_LENGTH + payload.length);
    this.#message[0] = family === 4 ? ECHO_REQUEST_V4 : ECHO_REQUEST_V6;
    this.#message.set(payload, ECHO_HEADER_LENGTH);
    // Over IPv6 the kernel does it, with the addresses that it needs.
    if (family === 4) writeChecksum(this.#message);
  }

  send(): void {
    try {
      this.#socket().send(this.#message, this.#destination);
      this.error = undefined;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.error = error.errno;
    }
  }

  close(): void {}
}

/** A datagram to a port that nobody has: the answer is an ICMP error. */
export class UdpProbe implements Probe {
  isAnswered = false;
  error: string | undefined = undefined;
  readonly #socket: UdpSocket;
  readonly #payload: Uint8Array;
  readonly #destination: string;
  #state: 'opening' | 'bound' | 'connected' | 'closed' = 'opening';

  /** @param payload borrowed until `close` */
  constructor({ family, source, destination }: ProbeTarget, payload: Uint8Array) {
    this.#payload = payload;
    this.#destination = destination;
    this.#socket = createSocket(family === 4 ? 'udp4' : 'udp6');
    this.#socket.on('error', (error) => this.#take(error));
    this.#socket.bind({ address: source, port: 0, exclusive: true }, () => {
      if (this.#state !== 'opening') return;
      this.#state = 'bound';
      this.#connect();
    });
  }

  /** The first one leaves by itself, as soon as there is a socket. */
  send(): void {
    if (this.#state === 'bound') this.#connect();
    else if (this.#state === 'connected') this.#sendNow();
  }

  close(): void {
    if (this.#state !== 'closed') this.#socket.close();
    this.#state = 'closed';
  }

  /** The kernel tells errors of a destination to who is connected to it. */
  #connect(): void {
    this.#state = 'opening';
    this.#socket.connect(DISCARD_PORT, this.#destination, (error?: Error) => {
      if (this.#state === 'closed') return;
      this.#state = error ? 'bound' : 'connected';
      if (error) this.#take(error);
      else this.#sendNow();
    });
  }

  #sendNow(): void {
    this.#socket.send(this.#payload, (error) => {
      if (error) this.#take(error);
      else if (this.error !== undefined) this.error = undefined;
    });
  }

  #take(error: NodeJS.ErrnoException): void {
    if (error.code === 'ECONNREFUSED') this.isAnswered = true;
    else this.error = error.code ?? error.message;
  }
}

/** A connection to a port that nobody has: the answer is a reset. */
export class TcpProbe implements Probe {
  isAnswered = false;
  error: string | undefined = undefined;
  /** Chosen, so that its packets are known before the first one leaves. */
  readonly localPort: number = randomInt(LOWEST_PORT, 65_536);
  readonly #target: ProbeTarget;
  #socket: TcpSocket | undefined = undefined;

  constructor(target: ProbeTarget) {
    this.#target = target;
  }

  /** Once: the kernel repeats it by itself. After an error it is tried anew. */
  send(): void {
    if (this.#socket && this.error === undefined) return;
    this.#socket?.destroy();
    this.error = undefined;
    const { source, destination } = this.#target;
    this.#socket = connect({
      host: destination,
      port: DISCARD_PORT,
      localAddress: source,
      localPort: this.localPort,
    });
    this.#socket.on('connect', () => (this.isAnswered = true));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') this.isAnswered = true;
      else this.error = error.code ?? error.message;
    });
  }

  close(): void {
    this.#socket?.destroy();
  }
}

/** RFC 1071; the length is even. */
function writeChecksum(message: Uint8Array): void {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  let sum = 0;
  for (let at = 0; at + 1 < message.length; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(2, ~sum & 0xffff);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** Nobody listens there, and firewalls know it. */
export const DISCARD_PORT = 9;
const LOWEST_PORT = 20_000;
/** u8 type | u8 code | u16 checksum | u16 identifier | u16 sequence */
const ECHO_HEADER_LENGTH = 8;
const ECHO_REQUEST_V4 = 8;
const ECHO_REPLY_V4 = 0;
const ECHO_REQUEST_V6 = 128;
const ECHO_REPLY_V6 = 129;
