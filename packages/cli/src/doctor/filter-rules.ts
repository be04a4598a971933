/**
 * `firstDrop`: finds the rule of a firewall that drops a packet.
 *
 * It follows chains, jumps and policies. A condition that it does not know makes a verdict
 * uncertain. Pure.
 *
 * @module
 */

/** The chains of one program: nft, iptables-save, ... */
export interface FilterRules {
  /** `nft`, `iptables-save`, ...: what a user calls to see the rules. */
  readonly program: string;
  /**
   * By the name of the chain with its table in front, as in `filter INPUT`. For nft, the family
   * comes first, as in `ip filter INPUT`.
   */
  readonly chains: ReadonlyMap<string, FilterChain>;
}

export interface FilterChain {
  readonly family: 'ip' | 'ip6' | 'inet';
  /** Undefined: the chain has no hook, so a packet enters it only by a jump from another chain. */
  readonly hook: FilterHook | undefined;
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  readonly rules: readonly FilterRule[];
}

export type FilterHook = 'prerouting' | 'input' | 'output' | 'postrouting';

export interface FilterRule {
  readonly text: string;
  /** All conditions. Undefined stands for a condition that Litz does not know. */
  readonly conditions: readonly (Condition | undefined)[];
  /** Undefined: the rule only counts, marks or logs. */
  readonly verdict: FilterVerdict | undefined;
}

export type Condition = (packet: FilteredPacket) => boolean | undefined;
export type FilterVerdict =
  | { readonly type: 'accept' | 'drop' | 'return' }
  | { readonly type: 'jump' | 'goto'; readonly chain: string };

/** A packet on its way in or out. A field that is undefined may have any value. */
export interface FilteredPacket {
  readonly direction: 'in' | 'out';
  /** The name of the link that the packet comes from or goes to. */
  readonly link: string;
  readonly family: 4 | 6;
  readonly protocol: 'udp' | undefined;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
  readonly source: Uint8Array | undefined;
  readonly destination: Uint8Array | undefined;
  readonly isEstablished: boolean;
}

/**
 * A rule or a policy that drops the packet. 'possible': whether the packet is dropped depends on a
 * condition whose result is not known.
 */
export interface FoundDrop {
  readonly how: 'certain' | 'possible';
  readonly rule: string;
}

/**
 * Returns the first certain drop on the packet's way. If there is none, returns the first possible
 * drop. Undefined: the packet passes.
 */
export function firstDrop(
  packet: FilteredPacket,
  sets: readonly FilterRules[],
): FoundDrop | undefined {
  let possible: FoundDrop | undefined;
  for (const hook of HOOKS[packet.direction]) {
    for (const rules of sets) {
      const found = dropAt(packet, hook, rules);
      if (found?.how === 'certain') return found;
      possible ??= found;
    }
  }
  return possible;
}

function dropAt(
  packet: FilteredPacket,
  hook: FilterHook,
  { program, chains }: FilterRules,
): FoundDrop | undefined {
  const family = packet.family === 4 ? 'ip' : 'ip6';
  const hooked = [...chains]
    .filter(([, chain]) => chain.hook === hook && ['inet', family].includes(chain.family))
    .toSorted(([, a], [, b]) => a.priority - b.priority);
  let possible: FoundDrop | undefined;
  for (const [name, chain] of hooked) {
    const walk = new Walk(packet, chains);
    const end = walk.through(name, 0);
    const verdict = end === 'accept' || end === 'drop' ? end : chain.policy;
    const policy = `${program} ${name}: policy drop`;
    const dropping = end === 'drop' ? `${program} ${walk.dropped}` : policy;
    if (verdict === 'drop') {
      if (!walk.isUncertain) return { how: 'certain', rule: dropping };
      possible ??= { how: 'possible', rule: dropping };
    } else if (walk.maybeDropped !== '') {
      possible ??= { how: 'possible', rule: `${program} ${walk.maybeDropped}` };
    }
  }
  return possible;
}

/** The way of one packet through a chain and the chains that it jumps to. */
class Walk {
  readonly #packet: FilteredPacket;
  readonly #chains: FilterRules['chains'];
  /** Whether a rule with an unknown condition may have ended the walk, or led to another chain. */
  isUncertain = false;
  /** The rule that drops the packet; empty: none does. */
  dropped = '';
  /** The first rule that may drop the packet; empty: there is none. */
  maybeDropped = '';

  constructor(packet: FilteredPacket, chains: FilterRules['chains']) {
    this.#packet = packet;
    this.#chains = chains;
  }

  through(name: string, depth: number): 'accept' | 'drop' | 'return' {
    const chain = this.#chains.get(name);
    if (!chain || depth > MOST_JUMPS) return 'return';
    for (const rule of chain.rules) {
      const { verdict } = rule;
      if (!verdict) continue;
      const matches = this.#matches(rule);
      if (matches === false) continue;
      if (matches === undefined) {
        this.#note(verdict, `${name}: ${rule.text}`);
        continue;
      }
      if (!('chain' in verdict)) {
        if (verdict.type === 'drop') this.dropped = `${name}: ${rule.text}`;
        return verdict.type;
      }
      const end = this.through(verdict.chain, depth + 1);
      if (end !== 'return' || verdict.type === 'goto') return end;
    }
    return 'return';
  }

  /** Returns whether the rule matches the packet; undefined: that is not known. */
  #matches({ conditions }: FilterRule): boolean | undefined {
    const results = conditions.map((condition) => condition?.(this.#packet));
    if (results.includes(false)) return false;
    return results.includes(undefined) ? undefined : true;
  }

  #note({ type }: FilterVerdict, text: string): void {
    if (type === 'drop') this.maybeDropped ||= text;
    else this.isUncertain = true;
  }
}

const HOOKS: Readonly<Record<FilteredPacket['direction'], readonly FilterHook[]>> = {
  in: ['prerouting', 'input'],
  out: ['output', 'postrouting'],
};
/** How many nested jumps the kernel allows (NFT_JUMP_STACK_SIZE). */
const MOST_JUMPS = 16;
