/**
 * `Script`: one connection of a stack against segments that a test writes by hand, in the manner of
 * packetdrill. Sequence numbers of both sides begin at 0.
 *
 * ```ts
 * const script = Script.connected();
 * script.inject('. 1:101 ack 1 win 100');      // from the other side: 100 bytes
 * expect(script.sent()).toEqual(['. 1:1 ack 101']); // what the stack sends now
 * script.advance(1000);
 * ```
 * Flags: S F R P E (ECE) W (CWR), and `.` for none of them. `ack N` sets ACK. Options follow in
 * angle brackets: `<mss 1000,sackOK,ts 5 7,wscale 3,sack 11:21 31:41>`.
 *
 * @module
 */
import type { Stack, StackOptions, TcpListener, TcpOptions, TcpSocket } from '../../src/index.ts';
import {
  createStack,
  give,
  pattern,
  patternAt,
  rawPacket,
  transportOf,
  withChecksum,
  joined,
  THEIRS,
} from '../raw-packets.ts';

/** The bytes of the other side with these sequence numbers. */
export function streamBytes(from: number, to: number): Uint8Array {
  return patternAt(from, to - from);
}

export interface ScriptOptions {
  stack?: Partial<StackOptions>;
  tcp?: TcpOptions;
  backlog?: number;
  /** Options of the SYN of the other side. Default: an MSS of 1000 only. */
  syn?: string;
}

const OUR_PORT = 80;
const FLAGS: [letter: string, bit: number][] = [
  ['F', 1],
  ['S', 2],
  ['R', 4],
  ['P', 8],
  ['E', 0x40],
  ['W', 0x80],
];

export class Script {
  now = 1000;
  /** The port of the other side. */
  theirPort = 5000;
  readonly stack: Stack;
  listener: TcpListener | undefined;
  socket!: TcpSocket;
  /** Initial sequence number of the stack; the other side begins at `#theirStart`. */
  #ourStart: number | undefined;
  readonly #theirStart: number;
  #ourPort = OUR_PORT;
  #queue: Uint8Array[] = [];
  /** The clock of the timestamps of the stack at time 0. */
  #clock: number | undefined;

  constructor(options: ScriptOptions = {}, theirStart = 0xffff_fff0) {
    this.#theirStart = theirStart;
    this.stack = createStack(options.stack);
    this.stack.handleTimeout(this.now);
  }

  /** Returns a script with a listener and no connection. */
  static listening(options: ScriptOptions = {}): Script {
    const script = new Script(options);
    const { backlog = 10, tcp = {} } = options;
    script.listener = script.stack.listenTcp({ port: OUR_PORT, backlog, ...tcp });
    return script;
  }

  /**
   * Returns a script whose socket has begun to connect. Its SYN is the first segment of `sent`.
   * Port 0: a free port.
   */
  static connecting(options: ScriptOptions = {}, localPort = 0): Script {
    const script = new Script(options);
    const tcp = { ...options.tcp, localPort };
    script.socket = script.stack.connectTcp(THEIRS[4], script.theirPort, tcp);
    script.#ourPort = script.socket.localPort;
    return script;
  }

  /**
   * Returns a script with a connection that the other side has begun, over a path with a round trip
   * of 20 ms.
   */
  static connected(options: ScriptOptions = {}, window = 10_000): Script {
    const script = Script.listening(options);
    const { syn = '<mss 1000>' } = options;
    script.inject(`S 0:0 win ${window} ${syn}`);
    script.next();
    script.advance(20);
    const scale = Number(/wscale (\d+)/.exec(syn)?.[1] ?? 0);
    const timestamp = syn.includes('ts') ? ' <ts 100 0>' : '';
    script.inject(`. 1:1 ack 1 win ${Math.floor(window / 2 ** scale)}${timestamp}`);
    script.accept();
    return script;
  }

  accept(): void {
    const socket = this.listener?.accept();
    if (!socket) throw new Error('no connection waits');
    this.socket = socket;
  }

  /** The other side sends a segment: `FLAGS START:END [ack N] [win N] [<OPTIONS>]`. */
  inject(text: string, trafficClass = 0): void {
    const [, flags = '', from = '', to = '', ack, window = '10000', options = ''] =
      /^(\S+) (-?\d+):(-?\d+)(?: ack (-?\d+))?(?: win (\d+))?(?: <(.*)>)?$/.exec(text) ?? [];
    if (flags === '') throw new Error(`cannot read ${text}`);
    const optionBytes = this.#optionBytes(options);
    const length = Number(to) - Number(from);
    const header = new Uint8Array(20 + optionBytes.length);
    const view = new DataView(header.buffer);
    view.setUint16(0, this.theirPort);
    view.setUint16(2, this.#ourPort);
    view.setUint32(4, (this.#theirStart + Number(from)) >>> 0);
    if (ack !== undefined) view.setUint32(8, ((this.#ourStart ?? 0) + Number(ack)) >>> 0);
    header[12] = (header.length / 4) << 4;
    header[13] = FLAGS.reduce(
      (bits, [letter, bit]) => bits | (flags.includes(letter) ? bit : 0),
      0,
    );
    if (ack !== undefined) header[13] |= 0x10;
    view.setUint16(14, Number(window));
    header.set(optionBytes, 20);
    const data = patternAt(Number(from), length);
    const segment = joined(header, data);
    const payload = withChecksum(segment, 16, 6, { version: 4 });
    give(this.stack, rawPacket({ version: 4, protocol: 6, payload, trafficClass }), this.now);
  }

  /** Takes all segments that the stack sends now, without window and options. See `inject`. */
  sent(): string[] {
    return this.sentWhole().map((text) => text.replace(/ win .*/, ''));
  }

  /** Takes all segments that the stack sends now. */
  sentWhole(): string[] {
    const texts: string[] = [];
    for (let text = this.next(); text !== undefined; text = this.next()) texts.push(text);
    return texts;
  }

  /** Takes the next segment that the stack sends; undefined: none. */
  next(): string | undefined {
    this.#collect();
    const packet = this.#queue.shift();
    return packet && this.#describe(packet);
  }

  /** The initial sequence number of the stack; 0 until it has sent a segment. */
  get ourStart(): number {
    return this.#ourStart ?? 0;
  }

  /** The end of the last segment that `next` has returned. */
  sentEnd = 0;

  /** Gives a whole packet to the stack. */
  give(packet: Uint8Array): void {
    give(this.stack, packet, this.now);
  }

  /** Lets time pass. All timers fire at their time. */
  advance(ms: number): void {
    const until = this.now + ms;
    this.#collect();
    for (let at = this.stack.pollTimeout(); at <= until; at = this.stack.pollTimeout()) {
      this.now = Math.max(this.now, at);
      this.stack.handleTimeout(this.now);
      this.#collect();
    }
    this.now = until;
    this.stack.handleTimeout(this.now);
  }

  /** The program sends bytes. */
  send(count: number): number {
    return this.socket.send(pattern(count));
  }

  /** The program reads. Returns the bytes. */
  read(count: number): Uint8Array {
    const target = new Uint8Array(count);
    return target.subarray(0, this.socket.receive(target));
  }

  /** The ECN bits of the last segment that `next` has returned. */
  ecn = 0;

  #collect(): void {
    const buffer = new Uint8Array(66_000);
    for (;;) {
      const length = this.stack.pollPacket(buffer, 0, this.now);
      if (length === 0) return;
      this.#queue.push(buffer.slice(0, length));
    }
  }

  #describe(packet: Uint8Array): string {
    this.ecn = packet[1] & 3;
    const segment = transportOf(packet);
    const view = new DataView(segment.buffer, segment.byteOffset, segment.length);
    const bits = segment[13];
    const sequence = view.getUint32(4);
    const start = (bits & 2) !== 0 || this.#ourStart === undefined;
    if (start) this.#ourStart = sequence;
    const from = (sequence - (this.#ourStart ?? 0)) | 0;
    const header = (segment[12] >>> 4) * 4;
    const letters = FLAGS.filter(([, bit]) => bits & bit)
      .map(([letter]) => letter)
      .join('');
    const ack = bits & 0x10 ? ` ack ${(view.getUint32(8) - this.#theirStart) | 0}` : '';
    const options = this.#optionText(segment.subarray(20, header));
    const data = segment.length - header;
    this.sentEnd = from + data;
    return `${letters || '.'} ${from}:${from + data}${ack} win ${view.getUint16(14)}${options}`;
  }

  #optionBytes(text: string): Uint8Array {
    const bytes: number[] = [];
    for (const option of text.split(',').filter(Boolean)) {
      const [name, ...values] = option.trim().split(' ');
      if (name === 'mss') bytes.push(2, 4, Number(values[0]) >>> 8, Number(values[0]) & 0xff);
      else if (name === 'sackOK') bytes.push(4, 2);
      else if (name === 'wscale') bytes.push(3, 3, Number(values[0]));
      else if (name === 'ts') {
        const echo = Number(values[1]) === 0 ? 0 : Number(values[1]) + (this.#clock ?? 0);
        bytes.push(8, 10, ...int32(Number(values[0])), ...int32(echo));
      } else if (name === 'sack') {
        const edges = values.flatMap((range) => range.split(':')).map(Number);
        bytes.push(5, 2 + edges.length * 4);
        for (const edge of edges) bytes.push(...int32((this.#ourStart ?? 0) + edge));
      } else throw new Error(`unknown option ${option}`);
    }
    while (bytes.length % 4 !== 0) bytes.push(1);
    return Uint8Array.from(bytes);
  }

  #optionText(options: Uint8Array): string {
    const texts: string[] = [];
    const view = new DataView(options.buffer, options.byteOffset, options.length);
    for (let at = 0; at < options.length; at += options[at] === 1 ? 1 : options[at + 1]) {
      const kind = options[at];
      if (kind === 2) texts.push(`mss ${view.getUint16(at + 2)}`);
      if (kind === 3) texts.push(`wscale ${options[at + 2]}`);
      if (kind === 4) texts.push('sackOK');
      if (kind === 5) {
        const edges = Array.from({ length: (options[at + 1] - 2) / 4 }, (_, i) => {
          return (view.getUint32(at + 2 + i * 4) - this.#theirStart) | 0;
        });
        const ranges = edges.flatMap((edge, i) => (i % 2 ? [] : [`${edge}:${edges[i + 1]}`]));
        texts.push(`sack ${ranges.join(' ')}`);
      }
      if (kind === 8) {
        const value = view.getInt32(at + 2);
        this.#clock ??= (value - this.now) | 0;
        texts.push(`ts ${(value - this.#clock) | 0} ${view.getInt32(at + 6)}`);
      }
    }
    return texts.length > 0 ? ` <${texts.join(',')}>` : '';
  }
}

function int32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}
