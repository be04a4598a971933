/**
 * `askServer`: one question to one DNS server through the tunnel, over UDP, and over TCP if the
 * answer did not fit (RFC 7766 5).
 *
 * Each question has a port and a number of its own, which nobody can predict. A datagram counts
 * only if it comes from the server, and answers the question (RFC 5452 9).
 *
 * @module
 */
import { randomInt } from 'node:crypto';
import type { UdpSocket } from '@litz/netstack';
import { systemError } from '../errors.ts';
import type { SocketHost, SocketOwner } from '../socket-host.ts';
import { Socket } from '../tcp/socket.ts';
import { decodeAnswer, encodeQuery, type DnsAnswer, type DnsQuestion } from './dns-message.ts';

/** A question without its number. */
export type Query = Omit<DnsQuestion, 'id'>;

/**
 * Resolves to the answer of the server.
 *
 * @param timeoutMs the time limit of each exchange: one over UDP, and one over TCP if the answer
 *   did not fit. If the server does not understand EDNS, the question is asked again without it.
 * @throws {Error} (rejects) the server does not answer in time or cannot be reached; or the name is
 *   not valid in DNS
 */
export async function askServer(
  host: SocketHost,
  server: string,
  query: Query,
  timeoutMs: number,
): Promise<DnsAnswer> {
  const answer = await askOnce(host, server, query, { timeoutMs, withOptions: true });
  if (answer.code !== 'FORMERR') return answer;
  return askOnce(host, server, query, { timeoutMs, withOptions: false });
}

async function askOnce(
  host: SocketHost,
  server: string,
  query: Query,
  { timeoutMs, withOptions }: { timeoutMs: number; withOptions: boolean },
): Promise<DnsAnswer> {
  const question = { ...query, id: randomInt(0x10000) };
  const bytes = encodeQuery(question, withOptions);
  const answer = await new DatagramExchange(host, server, question).ask(bytes, timeoutMs);
  return answer.isTruncated ? askOverTcp(host, server, { question, bytes, timeoutMs }) : answer;
}

/** Sends a question in a datagram, from a socket of its own, and waits for the answer. */
class DatagramExchange implements SocketOwner {
  readonly #host: SocketHost;
  readonly #server: string;
  readonly #question: DnsQuestion;
  readonly #bytes = new Uint8Array(MOST_BYTES);
  #socket: UdpSocket | undefined;
  #resolve!: (answer: DnsAnswer) => void;
  #reject!: (error: Error) => void;

  constructor(host: SocketHost, server: string, question: DnsQuestion) {
    this.#host = host;
    this.#server = server;
    this.#question = question;
  }

  async ask(query: Uint8Array, timeoutMs: number): Promise<DnsAnswer> {
    if (this.#host.failure) throw this.#host.failure;
    const socket = this.#host.stack.openUdp({ receiveQueue: RECEIVE_QUEUE });
    this.#socket = socket;
    this.#host.add(socket, this);
    const timer = setTimeout(() => this.#reject(noAnswer(this.#server, timeoutMs)), timeoutMs);
    try {
      return await new Promise<DnsAnswer>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
        socket.connect(this.#server, DNS_PORT);
        socket.send(query);
        this.#host.wake();
      });
    } finally {
      clearTimeout(timer);
      this.#host.remove(socket);
      socket.close();
    }
  }

  handleChange(): void {
    const socket = this.#socket;
    if (!socket) return;
    const error = socket.takeError();
    if (error) this.#reject(systemError(error.code, 'read', { address: this.#server }));
    for (let length = socket.receive(this.#bytes); length >= 0;) {
      const answer = decodeAnswer(this.#bytes.subarray(0, length), this.#question);
      if (answer) return this.#resolve(answer);
      length = socket.receive(this.#bytes);
    }
  }

  handleFailure(reason: Error): void {
    this.#reject(reason);
  }
}

/** Asks over TCP. RFC 1035 4.2.2: two bytes in front of a DNS message say how long it is. */
async function askOverTcp(
  host: SocketHost,
  server: string,
  { question, bytes, timeoutMs }: { question: DnsQuestion; bytes: Uint8Array; timeoutMs: number },
): Promise<DnsAnswer> {
  const framed = Buffer.alloc(bytes.length + 2);
  framed.writeUInt16BE(bytes.length);
  framed.set(bytes, 2);
  const socket = new Socket({ host }, { noDelay: true });
  const timer = setTimeout(() => socket.destroy(noAnswer(server, timeoutMs)), timeoutMs);
  try {
    socket.connect(DNS_PORT, server);
    socket.write(framed);
    const answer = decodeAnswer(await readFrame(socket), question);
    if (answer) return answer;
    throw noAnswer(server, timeoutMs);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function readFrame(socket: Socket): Promise<Buffer> {
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    if (received.length < 2) continue;
    const end = 2 + received.readUInt16BE();
    if (received.length >= end) return received.subarray(2, end);
  }
  throw new Error('the connection ended before the whole answer came');
}

function noAnswer(server: string, ms: number): Error {
  return systemError('ETIMEDOUT', 'read', { address: server, reason: `no answer within ${ms} ms` });
}

const DNS_PORT = 53;
/**
 * The longest answer that is read. It is longer than the limit in the query, because a server may
 * ignore that limit.
 */
const MOST_BYTES = 4096;
const RECEIVE_QUEUE = 16_384;
