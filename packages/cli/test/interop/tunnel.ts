/**
 * `Tunnel`: an implementation on each of two machines, and the tunnel between them. `wg` and `ip`
 * configure both ends, as a user would.
 *
 *   machine a                                  machine b
 *   10.9.0.1, fd09::1  ======================  10.9.0.2, fd09::2
 *
 * @module
 */
import type { Behaviour, Implementation } from './implementation.ts';
import {
  addAddresses,
  outerAddresses,
  type Addresses,
  type Machine,
  type Underlay,
} from './underlay.ts';

export interface TunnelOptions {
  /** The address family of the datagrams. Default: IPv4. */
  outer?: 'v4' | 'v6';
  presharedKey?: boolean;
  mtu?: number;
  /** The side that sends a keepalive each second. */
  keepaliveFrom?: 'a' | 'b';
  /** The side whose machine will get another address. */
  mover?: 'a' | 'b';
  /** Whether the clock of side a (Litz) runs faster. */
  fast?: boolean;
}

/** One end of the tunnel. */
export interface End {
  readonly machine: Machine;
  readonly link: string;
  readonly publicKey: string;
  readonly inner: Addresses;
  readonly outer: Addresses;
  readonly remove: () => Promise<void>;
}

export class Tunnel {
  readonly a: End;
  readonly b: End;

  private constructor(a: End, b: End) {
    this.a = a;
    this.b = b;
  }

  /**
   * Brings both ends up. If `keepaliveFrom` is given, the ends may have sent messages before the
   * promise resolves.
   */
  static async create<A extends Machine, B extends Machine>(
    underlay: Underlay<A, B>,
    left: Implementation<A>,
    right: Implementation<B>,
    options: TunnelOptions,
  ): Promise<Tunnel> {
    const { mover, fast = false } = options;
    const [a, b] = await Promise.all([
      startEnd(left, underlay.a, 1, options, { moves: mover === 'a', fast }),
      startEnd(right, underlay.b, 2, options, { moves: mover === 'b' }),
    ]);
    const psk = options.presharedKey ? (await underlay.a.run('wg', 'genpsk')).trim() : undefined;
    // The side that sends keepalives is configured last, because it initiates at once, and the
    // other side must already know its key.
    const ends = options.keepaliveFrom === 'b' ? ([a, b] as const) : ([b, a] as const);
    for (const end of ends) await introduce(end, end === a ? b : a, end === ends[1], options, psk);
    return new Tunnel(a, b);
  }

  async remove(): Promise<void> {
    await this.a.remove();
    await this.b.remove();
  }
}

/** Returns the words that `wg show` prints about the other end for a field, such as 'transfer'. */
export async function show(end: End, field: string): Promise<string[]> {
  const output = await end.machine.run('wg', 'show', end.link, field);
  return output.trim().split(/\s+/).slice(1);
}

/** Replaces the IPv4 address of an end's machine on the wire. */
export async function move({ machine, outer }: End, to: string): Promise<void> {
  await machine.run('ip', 'address', 'del', `${outer.v4}/24`, 'dev', machine.wire);
  await machine.run('ip', 'address', 'add', `${to}/24`, 'dev', machine.wire);
}

/**
 * Sends a ping every 50 ms until `count` answers have come. Each answer must have the sent bytes.
 *
 * @returns `answered`: how many answers came, at most `count`. `lost`: how many of the first
 *   `count` pings had no answer. If one of these pings is lost or late, more pings are sent
 * @throws {Error} it takes longer than 15 s, or an answer has other bytes or came twice
 */
export async function ping(
  from: End,
  address: string,
  { count = 3, size = 56 }: { count?: number; size?: number } = {},
): Promise<{ answered: number; lost: number }> {
  // The option `-q` is not used, because ping would then not compare the bytes. A deadline is
  // given, because without it ping waits only two round trips for the last answer, which is too
  // short on a busy machine.
  const args = ['-n', '-c', `${count}`, '-w', '15', '-i', '0.05', '-s', `${size}`, address];
  const output = await from.machine.run('ping', ...args);
  if (/wrong data byte|DUP!/.test(output)) throw new Error(output);
  const answered = new Set([...output.matchAll(/icmp_seq=(\d+)/g)].map(([, n]) => Number(n)));
  const expected = Array.from({ length: count }, (_, i) => i + 1);
  const lost = expected.filter((sequence) => !answered.has(sequence)).length;
  return { answered: Math.min(answered.size, count), lost };
}

/**
 * Returns the longest time without an answer, in ms, while pings are sent at a short interval. The
 * time is computed from the number of unanswered pings, because the clock of a busy machine is not
 * exact.
 */
export async function longestGap(
  from: End,
  address: string,
  { count, intervalMs }: { count: number; intervalMs: number },
): Promise<number> {
  const args = ['-n', '-c', `${count}`, '-i', `${intervalMs / 1000}`, '-W', '2', address];
  const output = await from.machine.run('ping', ...args);
  const answered = new Set([...output.matchAll(/icmp_seq=(\d+)/g)].map(([, n]) => Number(n)));
  let longest = 0;
  for (let i = 1, gap = 0; i <= count; i++) {
    gap = answered.has(i) ? 0 : gap + 1;
    longest = Math.max(longest, gap);
  }
  return longest * intervalMs;
}

/**
 * Gives `end` the next key of `other` (Litz) in place of the old key, in one command. That is what
 * users of an implementation with one key per peer do.
 */
export async function exchangeKey(
  end: End,
  other: End,
  keys: { readonly old: string; readonly next: string },
  ...options: readonly string[]
): Promise<void> {
  const { inner, outer } = other;
  const allowedIps = `${inner.v4}/32,${inner.v6}/128`;
  const added = ['peer', keys.next, 'endpoint', `${outer.v4}:${PORT}`, 'allowed-ips', allowedIps];
  const removed = ['peer', keys.old, 'remove'];
  await end.machine.run('wg', 'set', end.link, ...added, ...options, ...removed);
}

async function startEnd<M extends Machine>(
  implementation: Implementation<M>,
  machine: M,
  number: number,
  { mtu = 1420 }: TunnelOptions,
  behaviour: Behaviour,
): Promise<End> {
  const { link, remove } = await implementation.start(machine, behaviour);
  const privateKey = (await machine.run('wg', 'genkey')).trim();
  const publicKey = await machine.withFile(privateKey, async (file) => {
    await machine.run('wg', 'set', link, 'private-key', file, 'listen-port', PORT);
    return (await machine.run('sh', '-c', `wg pubkey < ${file}`)).trim();
  });
  const inner = { v4: `10.9.0.${number}`, v6: `fd09::${number}` };
  await machine.run('ip', 'link', 'set', link, 'mtu', String(mtu));
  await addAddresses(machine, link, inner);
  return { machine, link, publicKey, inner, outer: outerAddresses(number), remove };
}

async function introduce(
  end: End,
  other: End,
  isLast: boolean,
  { outer = 'v4', keepaliveFrom }: TunnelOptions,
  presharedKey: string | undefined,
): Promise<void> {
  const host = outer === 'v6' ? `[${other.outer.v6}]` : other.outer.v4;
  const args = ['set', end.link, 'peer', other.publicKey, 'endpoint', `${host}:${PORT}`];
  args.push('allowed-ips', `${other.inner.v4}/32,${other.inner.v6}/128`);
  if (keepaliveFrom && isLast) args.push('persistent-keepalive', '1');
  // This must be one command, because boringtun accepts a preshared key only in the command that
  // adds the peer.
  await end.machine.withFile(presharedKey ?? '', (file) =>
    end.machine.run('wg', ...args, ...(presharedKey ? ['preshared-key', file] : [])),
  );
}

const PORT = '51820';
