/**
 * `InitiatorSocket`: sends the initiations of one peer, one at a time, and checks the answers.
 *
 * Like a real initiator, it stores the cookie of a responder under load, and uses it in mac2 from
 * then on (section 5.3 of the WireGuard paper). A responder that answers an initiation with a
 * cookie reply has ignored the initiation. So the socket sends this initiation again at once.
 *
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { nobleProvider, type PublicKey } from '@litz/core';
import { readCookieReply, readResponse } from '@litz/core/internals';
import type { Initiator } from './initiations.ts';

/** The answer to an initiation. */
export type Answer = 'response' | 'cookie' | 'invalid';

export class InitiatorSocket {
  /** The time of the last initiation, from `performance.now()`. */
  sentAt: number = -Infinity;
  /** Whether an initiation waits for its answer. */
  isWaiting = false;
  readonly #initiator: Initiator;
  readonly #socket: Socket;
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  #next = 0;
  #message: Uint8Array = new Uint8Array(0);
  #cookie: Uint8Array | undefined = undefined;

  /**
   * Opens a socket with an address of its own, connected to the responder.
   *
   * @param onAnswer called with each answer. The next initiation may be sent if `isWaiting` is
   *   false. After a cookie reply `isWaiting` is true, because the socket has already sent the same
   *   initiation again.
   */
  static async open(
    initiator: Initiator,
    responder: { publicKey: PublicKey; address: string; port: number },
    onAnswer: (socket: InitiatorSocket, answer: Answer) => void,
  ): Promise<InitiatorSocket> {
    const socket = createSocket('udp4');
    socket.bind(0, initiator.address);
    await once(socket, 'listening');
    socket.connect(responder.port, responder.address);
    await once(socket, 'connect');
    const opened = new InitiatorSocket(initiator, socket, responder.publicKey);
    socket.on('message', (datagram) => {
      const answer = opened.#receive(datagram);
      if (answer !== undefined) onAnswer(opened, answer);
    });
    // An error means that the responder has closed its socket. Either the measurement is over, or
    // the missing answers show the failure.
    socket.on('error', () => {});
    return opened;
  }

  private constructor(initiator: Initiator, socket: Socket, responder: PublicKey) {
    this.#initiator = initiator;
    this.#socket = socket;
    this.#mac1Key = hashOf('mac1----', initiator.publicKey);
    this.#cookieKey = hashOf('cookie--', responder);
  }

  /** How many initiations are still to be sent. */
  get left(): number {
    return this.#initiator.initiations.length - this.#next;
  }

  /** Sends the next initiation. */
  send(now: number): void {
    this.#message = this.#initiator.initiations[this.#next++]!;
    this.#transmit(now);
  }

  close(): void {
    this.#socket.close();
  }

  #transmit(now: number): void {
    this.sentAt = now;
    this.isWaiting = true;
    const message = this.#message;
    if (this.#cookie) {
      nobleProvider.mac(message.subarray(MAC2), this.#cookie, message.subarray(0, MAC2));
    }
    this.#socket.send(message);
  }

  /** Returns the kind of an answer; undefined if no initiation waits for it. */
  #receive(datagram: Uint8Array): Answer | undefined {
    if (!this.isWaiting) return undefined;
    const response = readResponse(datagram);
    if (response) {
      if (response.receiverIndex !== senderIndexOf(this.#message)) return undefined;
      this.isWaiting = false;
      return this.#isForUs(datagram) ? 'response' : 'invalid';
    }
    if (!this.#takeCookie(datagram)) return 'invalid';
    this.#transmit(performance.now());
    return 'cookie';
  }

  /**
   * Returns whether mac1 of a response is right. Only a responder that has found the public key of
   * this peer in the initiation can compute it.
   */
  #isForUs(response: Uint8Array): boolean {
    const mac1 = new Uint8Array(16);
    nobleProvider.mac(mac1, this.#mac1Key, response.subarray(0, RESPONSE_MAC1));
    return mac1.every((byte, i) => byte === response[RESPONSE_MAC1 + i]);
  }

  /** Stores the cookie of a cookie reply. Returns false if the reply is not valid. */
  #takeCookie(datagram: Uint8Array): boolean {
    const reply = readCookieReply(datagram);
    if (!reply || reply.receiverIndex !== senderIndexOf(this.#message)) return false;
    const mac1 = this.#message.subarray(MAC1, MAC2);
    this.#cookie = nobleProvider.xaeadOpen(
      this.#cookieKey,
      reply.nonce,
      reply.encryptedCookie,
      mac1,
    );
    return this.#cookie !== undefined;
  }
}

function hashOf(label: string, publicKey: PublicKey): Uint8Array {
  const hash = new Uint8Array(32);
  nobleProvider.hash(hash, Buffer.from(label), publicKey);
  return hash;
}

function senderIndexOf(message: Uint8Array): number {
  return new DataView(message.buffer, message.byteOffset).getUint32(4, true);
}

/** The offsets of the macs in an initiation, and of mac1 in a response. */
const MAC1 = 116;
const MAC2 = 132;
const RESPONSE_MAC1 = 60;
