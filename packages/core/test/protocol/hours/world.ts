/**
 * `World`: three nodes that know each other, on a network that gets better and worse, for a day of
 * simulated time. Random events happen to the nodes. An attacker repeats and forges datagrams that
 * he has heard. One seed determines everything that happens.
 *
 * @module
 */
import {
  createPerson,
  introduce,
  ipPacket,
  joinNetwork,
  seededRandom,
  seededRandomBytes,
  SimulatedNetwork,
  type CapturedDatagram,
  type Person,
  type SimulatedNode,
} from '@litz/testkit';
import { stateOf } from '../../../src/engine.ts';
import { restartSessions } from '../../../src/hand-over/hand-over.ts';
import {
  Endpoint,
  type EngineOptions,
  type PeerConfiguration,
  type PresharedKey,
} from '../../../src/index.ts';
import { takeOver } from '../../hand-over/taken-over.ts';
import { CountedProvider, type SealedCounters } from './counted-provider.ts';

/**
 * A node of the world. A restart replaces `node` and `crypto`. An upgrade replaces `crypto` and the
 * engine of `node`.
 */
export interface Member {
  person: Person;
  node: SimulatedNode;
  crypto: CountedProvider;
  /** How far the member's real-time clock is ahead of the time of the network, in ms. */
  clockError: number;
  /** The preshared keys for the other members; null or absent if there is none. */
  readonly presharedKeys: Map<Member, PresharedKey | null>;
  readonly options: Partial<EngineOptions>;
}

interface SentPacket {
  readonly bytes: Uint8Array;
  readonly to: Member;
  readonly at: number;
  isDelivered: boolean;
}

/** A datagram that the attacker remembers. */
interface HeardDatagram {
  readonly datagram: CapturedDatagram;
  readonly isLost: boolean;
  /**
   * True if the datagram is not an initiation, or if its receiver has answered the initiation and
   * still remembers its timestamp.
   */
  isKnown: boolean;
}

export class World {
  readonly network: SimulatedNetwork = new SimulatedNetwork({ now: 1_000_000 });
  readonly members: Member[] = [];
  /** Returns a number from 0 to below 1. */
  readonly random: () => number;
  /**
   * The share of datagrams that are lost, the share that are doubled, and the largest random delay
   * in ms, which is added to a delay of 5 ms.
   */
  weather = { loss: 0, doubled: 0, jitterMs: 0 };
  /**
   * How many packets were sent and delivered, how many datagrams the attacker sent, how many
   * responses (`handshakes`) and upgrades there were, and how long the longest call of `calm`
   * lasted.
   */
  readonly figures = {
    sent: 0,
    delivered: 0,
    attacks: 0,
    handshakes: 0,
    upgrades: 0,
    longestCalmMs: 0,
  };
  readonly #seed: number;
  readonly #sealed: SealedCounters = new Map();
  readonly #sent = new Map<number, SentPacket>();
  readonly #heard: HeardDatagram[] = [];
  #persons = 0;
  #latestClockError = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.random = seededRandom(seed);
    this.network.loses = (datagram) => this.#carry(datagram);
    for (let i = 0; i < 3; i++) this.members.push(this.#create());
    for (const [a, b] of this.pairs()) this.introduce(a, b);
  }

  /** Returns each member together with each other member. */
  pairs(): [Member, Member][] {
    return this.members.flatMap((a) => this.othersThan(a).map((b): [Member, Member] => [a, b]));
  }

  othersThan(member: Member): Member[] {
    return this.members.filter((other) => other !== member);
  }

  /** Returns a whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  /** Lets time pass, and checks what was delivered meanwhile. */
  drive(ms: number): void {
    this.network.drive(ms);
    for (const member of this.members) this.#takeDelivered(member);
  }

  /** Sends numbered packets from one member to another one, a few milliseconds apart. */
  send(from: Member, to: Member, count: number): number[] {
    const numbers: number[] = [];
    for (let i = 0; i < count; i++) {
      const number = this.figures.sent++;
      const family = this.random() < 0.5 ? 'ipv4' : 'ipv6';
      const payload = Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);
      const addresses = { source: from.person[family], destination: to.person[family] };
      const bytes = ipPacket({ ...addresses, payload, length: 60 + this.below(200) });
      this.#sent.set(number, { bytes, to, at: this.network.now, isDelivered: false });
      numbers.push(number);
      from.node.send(bytes.slice());
      if (i % 8 === 7) this.drive(this.below(20));
    }
    return numbers;
  }

  /** Makes `b` a peer of `a`, with the present endpoint of `b`. */
  introduce(a: Member, b: Member, changes: Partial<PeerConfiguration> = {}): void {
    const presharedKey = a.presharedKeys.get(b) ?? null;
    introduce(a.node, { ...b.person, endpoint: b.node.endpoint }, { presharedKey, ...changes });
  }

  /**
   * Returns the person of a member with new keys, which the other members do not know yet. The
   * addresses do not change.
   */
  renew(member: Member): Person {
    const { ipv4, ipv6, number } = member.person;
    const { privateKey, publicKey } = this.#person();
    return { ...member.person, ipv4, ipv6, number, privateKey, publicKey };
  }

  /** Sets the real-time clock of a member forward or back. */
  changeClock(member: Member, ms: number): void {
    member.clockError += ms;
    this.#latestClockError = Math.max(this.#latestClockError, member.clockError);
  }

  /** Starts a member again, with its keys and without its sessions. */
  restart(member: Member): void {
    const { endpoint } = member.node;
    // The peers accept only an initiation whose timestamp is later than all earlier ones (section
    // 5.1 of the paper). So after the restart, the clock is one hour ahead of the latest clock.
    member.clockError = this.#latestClockError += 3_600_000;
    this.network.nodes.splice(this.network.nodes.indexOf(member.node), 1);
    const { node, crypto } = this.#join(member.person, member.options, member);
    node.endpoint = endpoint;
    Object.assign(member, { node, crypto });
    this.forgetTimestamps(member);
    for (const other of this.othersThan(member)) this.introduce(member, other);
  }

  /**
   * Lets a new process continue with a member. On average, in one of four upgrades the new process
   * is killed after it has sent packets. Then the old process continues with new sessions.
   */
  upgrade(member: Member): void {
    const { node, crypto: before } = member;
    const crypto = new CountedProvider(this.#sealed);
    const old = takeOver(node, {
      ...this.#engineOptions(member, crypto),
      ...member.options,
    });
    member.crypto = crypto;
    if (this.random() < 0.25) {
      const other = this.pick(this.othersThan(member));
      this.send(member, other, 1 + this.below(5));
      node.engine = old;
      member.crypto = before;
      node.input((engine, now) => restartSessions(engine, now));
    }
    this.figures.upgrades++;
  }

  /** Called when a member has forgotten timestamps, because it removed a peer or was restarted. */
  forgetTimestamps({ node }: Member): void {
    for (const heard of this.#heard) {
      if (heard && isInitiation(heard) && heard.datagram.to.sameDestination(node.endpoint)) {
        heard.isKnown = false;
      }
    }
  }

  /** Sends forged datagrams, repeated datagrams, and old datagrams from another address. */
  attack(): void {
    for (let left = 1 + this.below(20); left > 0; left--) {
      const heard = this.#heard[this.below(this.#heard.length)];
      if (!heard) return;
      const { datagram, isLost, isKnown } = heard;
      const bytes = datagram.bytes.slice();
      const kind = this.random();
      if (kind < 0.4) bytes[this.below(bytes.length)] ^= 1 << this.below(8);
      else if (kind < 0.5) seededRandomBytes(this.below(2 ** 31))(bytes.subarray(4));
      // From his own address, the attacker sends only messages that the receiver has already
      // accepted. The receiver refuses these messages, but would accept all other messages of a
      // member, from any source address. Examples are a message that was lost before, an initiation
      // that was refused under load, and an initiation whose timestamp was forgotten. After such a
      // message, the receiver would send to the attacker's address (section 2.1 of the paper). If
      // the real sender then moved and sent nothing, the receiver and the real sender could not
      // find each other.
      const isOld = !isLost && datagram.at < this.network.now - 1000;
      const isElsewhere = isOld && this.random() < 0.5 && isKnown;
      const from = isElsewhere ? ATTACKER : datagram.from;
      this.figures.attacks++;
      this.network.inject(
        kind < 0.6 ? bytes : bytes.subarray(0, 1 + this.below(bytes.length)),
        from,
        datagram.to,
      );
      this.drive(this.below(30));
    }
  }

  /**
   * Makes the network good, and waits until each member has reached all others.
   *
   * @throws {Error} a session is stuck
   */
  calm(): void {
    this.weather = { loss: 0, doubled: 0, jitterMs: 0 };
    const begin = this.network.now;
    const waiting = new Map(this.pairs().map((pair) => [pair, [] as number[]]));
    while (waiting.size > 0) {
      const lasts = this.network.now - begin;
      this.figures.longestCalmMs = Math.max(this.figures.longestCalmMs, lasts);
      if (lasts > LONGEST_CALM_MS) throw new Error(`${waiting.size} sessions are stuck`);
      for (const [[from, to], numbers] of waiting) numbers.push(...this.send(from, to, 1));
      this.drive(1000);
      for (const [pair, numbers] of waiting) {
        if (numbers.some((number) => this.#sent.get(number)?.isDelivered)) waiting.delete(pair);
      }
    }
    this.#forget();
  }

  /**
   * Lets all sessions end by themselves.
   *
   * @throws {Error} a key, an index or a deadline is left
   */
  end(): void {
    for (const [a, b] of this.pairs()) this.introduce(a, b, { persistentKeepalive: 0 });
    this.drive(REJECT_AFTER_TIME_MS * 4);
    for (const member of this.members) {
      const { node, crypto } = member;
      const indices = stateOf(node.engine).indices.size;
      if (crypto.live > 0 || indices > 0) {
        throw new Error(`${crypto.live} ciphers and ${indices} indices are left`);
      }
      node.input((engine, now) => engine.configure({ privateKey: null, replacePeers: true }, now));
      const due = node.engine.pollTimeout();
      if (due !== Infinity) throw new Error(`a deadline is left: ${due}`);
    }
  }

  #create(): Member {
    const limits = { rekeyAfterMessages: 40, rejectAfterMessages: 80 };
    const options = {
      ...(this.random() < 0.2 ? { limits } : {}),
      ...(this.random() < 0.2 ? { underLoad: { handshakesPerSecond: 1 } } : {}),
    };
    const member = { clockError: 0, presharedKeys: new Map(), options } as unknown as Member;
    const person = this.#person();
    return Object.assign(member, { person }, this.#join(person, options, member));
  }

  #join(
    person: Person,
    options: Partial<EngineOptions>,
    member: Member,
  ): Pick<Member, 'node' | 'crypto'> {
    const crypto = new CountedProvider(this.#sealed);
    const node = joinNetwork(this.network, person, {
      ...this.#engineOptions(member, crypto),
      ...options,
    });
    return { node, crypto };
  }

  #engineOptions(member: Member, crypto: CountedProvider): EngineOptions {
    return {
      randomBytes: seededRandomBytes(this.#seed * 1000 + this.#persons++),
      unixTime: () => EPOCH + this.network.now + member.clockError,
      crypto: crypto.provider,
    };
  }

  #person(): Person {
    const number = ++this.#persons;
    const crypto = new CountedProvider(this.#sealed).provider;
    const person = createPerson((number % 250) + 1, this.#seed * 64 + number);
    return { ...person, publicKey: crypto.dhPublicKey(person.privateKey) as Person['publicKey'] };
  }

  /**
   * Forgets packets that were sent long ago. Such packets cannot arrive, because their sessions
   * have ended.
   */
  #forget(): void {
    for (const [number, { at }] of this.#sent) {
      if (at < this.network.now - REJECT_AFTER_TIME_MS * 3) this.#sent.delete(number);
    }
    this.network.eavesdropper.forget();
  }

  /** Called for each datagram before it is sent. Returns whether it is lost. */
  #carry(datagram: CapturedDatagram): boolean {
    const { loss, doubled, jitterMs } = this.weather;
    this.network.latency = 5 + this.random() * jitterMs;
    if (this.random() < doubled) this.network.duplicate();
    const [type] = datagram.bytes;
    if (type === 2) {
      this.figures.handshakes++;
      this.#recordAnswer(datagram.bytes);
    }
    const isLost = this.random() < loss;
    this.#heard[this.below(HEARD)] = { datagram, isLost, isKnown: type !== 1 };
    return isLost;
  }

  #recordAnswer(response: Uint8Array): void {
    const receiver = indexAt(response, 8);
    for (const heard of this.#heard) {
      if (heard && isInitiation(heard) && indexAt(heard.datagram.bytes, 4) === receiver) {
        heard.isKnown = true;
      }
    }
  }

  /** @throws {Error} a packet was changed, was delivered twice, or came to the wrong member */
  #takeDelivered(member: Member): void {
    for (const packet of member.node.packets) {
      const at = packet[0] === 0x45 ? 20 : 40;
      const number = new DataView(packet.buffer, packet.byteOffset).getUint32(at);
      const sent = this.#sent.get(number);
      if (!sent) throw new Error(`packet ${number} was not sent, or came after its session`);
      if (sent.to !== member) throw new Error(`packet ${number} came to the wrong member`);
      if (sent.isDelivered) throw new Error(`packet ${number} came twice`);
      if (!isEqual(sent.bytes, packet)) throw new Error(`packet ${number} was changed`);
      sent.isDelivered = true;
      this.figures.delivered++;
    }
    member.node.packets.length = 0;
    member.node.events.length = 0;
  }
}

function isInitiation({ datagram }: HeardDatagram): boolean {
  return datagram.bytes[0] === 1;
}

function indexAt(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

const ATTACKER = new Endpoint(Uint8Array.of(198, 51, 100, 66), 6666);
/** 2026-01-01. */
const EPOCH = 1_767_225_600_000;
/** How many datagrams the attacker remembers. */
const HEARD = 500;
const REJECT_AFTER_TIME_MS = 180_000;
/**
 * The longest time until all members reach each other on a good network. In the worst case, a peer
 * has a session that the other side has forgotten. This peer initiates after Keepalive-Timeout and
 * Rekey-Timeout, which are 15 s together. The peer may then need three initiations. Each initiation
 * takes Rekey-Timeout (5 s) and up to a third of a second of jitter.
 */
const LONGEST_CALM_MS = 40_000;
