/**
 * `IcmpProbes`, `UdpProbe`, `TcpProbe`: test packets that are sent from an address of this node.
 * They detect an answer that only the kernel of the other node can give: an echo reply, the report
 * of a closed port (an ICMP error or a reset), or a connection.
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
  /**
   * Sends the probe, or sends it again. Does not throw: after a failure, `error` has the reason.
   */
  send(): void;
  readonly isAnswered: boolean;
  /** Why the probe could not be sent the last time: `ENETUNREACH`; undefined: it was sent. */
  readonly error: string | undefined;
  close(): void;
}

/** All echo requests of one verification. Requests from the same source address share a socket. */
export class IcmpProbes {
  /** The sockets, by source address. */
  readonly #sockets = new Map<string, RawSocket>();
  /** The probes, by the text of their payload. */
  readonly #probes = new Map<string, IcmpProbe>();

  /**
   * Makes a probe.
   *
   * @param payload borrowed for the call; different from the payload of every other probe
   */
  add(target: ProbeTarget, payload: Uint8Array): Probe {
    const probe = new IcmpProbe(() => this.#socket(target), target, payload);
    this.#probes.set(textOf(payload), probe);
    return probe;
  }

  /** Reads all echo replies that have arrived, and marks their probes as answered. */
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

/** A UDP datagram to a closed port. The answer is an ICMP error. */
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

  /**
   * Has no effect while the socket is being opened. The first datagram is sent as soon as the
   * socket is connected.
   */
  send(): void {
    if (this.#state === 'bound') this.#connect();
    else if (this.#state === 'connected') this.#sendNow();
  }

  close(): void {
    if (this.#state !== 'closed') this.#socket.close();
    this.#state = 'closed';
  }

  /**
   * Connects the socket, because the kernel reports ICMP errors of a destination only to a
   * connected socket.
   */
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

/** A TCP connection to a closed port. The answer is a reset. */
export class TcpProbe implements Probe {
  isAnswered = false;
  error: string | undefined = undefined;
  /** Source port. It is chosen here, so that the capture can recognize even the first packet. */
  readonly localPort: number = randomInt(LOWEST_PORT, 65_536);
  readonly #target: ProbeTarget;
  #socket: TcpSocket | undefined = undefined;

  constructor(target: ProbeTarget) {
    this.#target = target;
  }

  /**
   * Connects once, because the kernel repeats the segment by itself. After an error, the next call
   * connects again.
   */
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
    // For IPv6 the kernel computes the checksum, because the checksum also covers the addresses.
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

/**
 * Writes the Internet checksum (RFC 1071) to bytes 2 and 3. The length of the message must be even.
 */
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

/**
 * The port of the discard protocol (RFC 863). Programs hardly ever listen on this port, and
 * firewalls know it.
 */
export const DISCARD_PORT = 9;
/** The lowest source port of a TCP probe. */
const LOWEST_PORT = 20_000;
/** u8 type | u8 code | u16 checksum | u16 identifier | u16 sequence */
const ECHO_HEADER_LENGTH = 8;
const ECHO_REQUEST_V4 = 8;
const ECHO_REPLY_V4 = 0;
const ECHO_REQUEST_V6 = 128;
const ECHO_REPLY_V6 = 129;
