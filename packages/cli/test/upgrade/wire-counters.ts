/**
 * `WireCounters`: looks at the transport messages on a link, and finds messages that were sealed
 * with the same key and the same counter.
 *
 * @module
 */
import { interfaceIndex, NetworkNamespace } from '@litz/sys';
import { PacketSocket } from '@litz/sys/tools';

export class WireCounters {
  readonly #socket: PacketSocket;
  readonly #timer: NodeJS.Timeout;
  readonly #from: readonly number[];
  readonly #frame = new Uint8Array(70_000);
  readonly #seen: Set<string> = new Set();
  #isClosed = false;
  /** The receiver index and counter of each message that was seen twice. */
  readonly twice: string[] = [];

  /** Captures what is sent from `source`, an IPv4 address. */
  constructor(namespace: string, link: string, source: string) {
    const opened = NetworkNamespace.open(`/run/netns/${namespace}`);
    this.#socket = opened.run(() => new PacketSocket(interfaceIndex(link)!));
    opened.close();
    this.#from = source.split('.').map(Number);
    this.#timer = setInterval(() => this.#read(), 2);
  }

  /** How many different messages were seen until now. */
  get size(): number {
    this.#read();
    return this.#seen.size;
  }

  /** Stops the capture. @returns how many frames the kernel could not keep */
  close(): number {
    this.#read();
    this.#isClosed = true;
    clearInterval(this.#timer);
    const { drops } = this.#socket;
    this.#socket.close();
    return drops;
  }

  #read(): void {
    if (this.#isClosed) return;
    const from = this.#from;
    for (let length; (length = this.#socket.read(this.#frame)) > 0;) {
      const frame = this.#frame.subarray(0, length);
      // IPv4, UDP, and then: type 4 and three zeros, receiver index, counter.
      if (frame[12] !== 8 || frame[13] !== 0 || frame[23] !== 17 || frame[FIRST_MESSAGE] !== 4)
        continue;
      if (from.some((byte, i) => frame[26 + i] !== byte)) continue;
      for (const at of messagesOf(frame)) {
        const id = Buffer.from(frame.subarray(at + 4, at + 16)).toString('hex');
        if (this.#seen.has(id)) this.twice.push(id);
        this.#seen.add(id);
      }
    }
  }
}

/**
 * Iterates over the offsets of the transport messages in a frame. The kernel may carry several
 * messages in one frame, at equal distances (UDP_SEGMENT). The distance is found where the same
 * type and receiver index appear again.
 */
function* messagesOf(frame: Uint8Array): Generator<number> {
  let distance = SHORTEST_MESSAGE;
  const isHead = (at: number): boolean => {
    for (let i = 0; i < 8; i++) if (frame[at + i] !== frame[FIRST_MESSAGE + i]) return false;
    return true;
  };
  while (FIRST_MESSAGE + distance < frame.length && !isHead(FIRST_MESSAGE + distance)) {
    distance += MESSAGE_STEP;
  }
  for (let at = FIRST_MESSAGE; at + SHORTEST_MESSAGE <= frame.length; at += distance) yield at;
}

/** Ethernet (14), IPv4 (20), UDP (8). */
const FIRST_MESSAGE = 42;
/** Header and tag. Packets are padded to multiples of 16 bytes. */
const SHORTEST_MESSAGE = 32;
const MESSAGE_STEP = 16;
