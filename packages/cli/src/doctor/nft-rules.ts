/**
 * `readNftRules`: reads the output of `nft --json list ruleset` (libnftables-json(5)).
 *
 * @module
 */
import {
  addressIs,
  anyOf,
  familyIs,
  linkIs,
  not,
  portIs,
  protocolIs,
  stateIs,
} from './conditions.ts';
import type {
  Condition,
  FilterChain,
  FilterHook,
  FilterRule,
  FilterRules,
  FilterVerdict,
} from './filter-rules.ts';

/**
 * Returns all chains for IP packets except those of NAT, which drop nothing.
 *
 * @param leavesOutIptables whether the tables of iptables-nft are left out, because iptables-save
 *   tells more about their rules
 * @throws {SyntaxError} the text is not JSON
 */
export function readNftRules(text: string, leavesOutIptables: boolean): FilterRules {
  const { nftables } = JSON.parse(text) as { nftables: readonly NftObject[] };
  const chains = new Map<string, FilterChain & { rules: FilterRule[] }>();
  for (const { chain, rule } of nftables) {
    const { family, table } = chain ?? rule ?? { family: '', table: '' };
    if (!isFamily(family)) continue;
    if (leavesOutIptables && family !== 'inet' && IPTABLES.has(table)) continue;
    if (chain && (chain.type ?? 'filter') !== 'nat') {
      chains.set(`${family} ${table} ${chain.name}`, {
        family,
        hook: chain.hook as FilterHook | undefined,
        priority: typeof chain.prio === 'number' ? chain.prio : 0,
        policy: chain.policy === 'drop' ? 'drop' : 'accept',
        rules: [],
      });
    }
    if (rule) {
      const prefix = `${family} ${table}`;
      chains.get(`${prefix} ${rule.chain}`)?.rules.push(readRule(rule.expr, prefix));
    }
  }
  return { program: 'nft', chains };
}

type Json = string | number | boolean | null | readonly Json[] | JsonObject;
interface JsonObject {
  readonly [key: string]: Json;
}

interface NftObject {
  readonly chain?: {
    readonly family: string;
    readonly table: string;
    readonly name: string;
    readonly type?: string;
    readonly hook?: string;
    readonly prio?: number | string;
    readonly policy?: string;
  };
  readonly rule?: {
    readonly family: string;
    readonly table: string;
    readonly chain: string;
    readonly expr: readonly JsonObject[];
  };
}

function isFamily(family: string): family is 'ip' | 'ip6' | 'inet' {
  return ['ip', 'ip6', 'inet'].includes(family);
}

function readRule(expressions: readonly JsonObject[], prefix: string): FilterRule {
  const conditions: (Condition | undefined)[] = [];
  let verdict: FilterVerdict | undefined;
  const words: string[] = [];
  for (const expression of expressions) {
    const [kind = '', value = null] = Object.entries(expression)[0] ?? [];
    const found = verdictOf(kind, value, prefix);
    if (found) {
      verdict = found;
      words.push(kind);
    } else if (kind === 'match') {
      conditions.push(conditionOf(value as unknown as Match));
      words.push(matchText(value as unknown as Match));
    } else if (!HARMLESS.has(kind)) {
      conditions.push(undefined);
      words.push(kind);
      // A verdict map may accept the packet: `ct state vmap { established : accept }`.
      if (kind === 'vmap') verdict = { type: 'accept' };
    }
  }
  return { text: words.join(' '), conditions, verdict };
}

function verdictOf(kind: string, value: Json, prefix: string): FilterVerdict | undefined {
  if (kind === 'accept' || kind === 'drop' || kind === 'return') return { type: kind };
  if (kind === 'reject') return { type: 'drop' };
  if (kind === 'jump' || kind === 'goto') {
    return { type: kind, chain: `${prefix} ${textOf((value as JsonObject)['target'])}` };
  }
  const { type, name } = (kind === 'xt' ? value : {}) as { type?: Json; name?: Json };
  return type === 'target' && name === 'REJECT' ? { type: 'drop' } : undefined;
}

interface Match {
  readonly op: string;
  readonly left: Json;
  readonly right: Json;
}

function conditionOf({ op, left, right }: Match): Condition | undefined {
  const values = valuesOf(right);
  const conditions = values.map((value) => valueCondition(left, value));
  const [key = '', inner] = Object.entries((left ?? {}) as JsonObject)[0] ?? [];
  const isState = key === 'ct' && (inner as JsonObject)['key'] === 'state';
  const condition = isState ? stateIs(values.map(textOf)) : anyOf(conditions);
  if (op === '==' || op === 'in') return condition;
  return op === '!=' ? not(condition) : undefined;
}

/** Returns the values of a set. A single value counts as a set with one value. */
function valuesOf(right: Json): readonly Json[] {
  if (Array.isArray(right)) return right as readonly Json[];
  const { set } = (typeof right === 'object' ? (right ?? {}) : {}) as { set?: Json };
  return Array.isArray(set) ? (set as readonly Json[]) : [right];
}

function valueCondition(left: Json, value: Json): Condition | undefined {
  const { payload, meta } = (left ?? {}) as { payload?: JsonObject; meta?: JsonObject };
  if (payload) return payloadCondition(payload, value);
  const key = meta?.['key'];
  if (key === 'iif' || key === 'iifname') return linkIs('in', textOf(value));
  if (key === 'oif' || key === 'oifname') return linkIs('out', textOf(value));
  if (key === 'l4proto') return protocolIs(textOf(value));
  if (key !== 'nfproto') return undefined;
  return familyIs(value === 'ipv4' ? 4 : 6);
}

function payloadCondition(payload: JsonObject, value: Json): Condition | undefined {
  const { protocol, field } = payload;
  if (field === 'saddr' || field === 'daddr') {
    const { addr, len } = ((value as JsonObject)?.['prefix'] ?? {}) as { addr?: Json; len?: Json };
    const text = addr === undefined ? textOf(value) : `${textOf(addr)}/${textOf(len)}`;
    return addressIs(field === 'saddr' ? 'source' : 'destination', text);
  }
  if (field === 'protocol' || field === 'nexthdr') return protocolIs(textOf(value));
  if (field !== 'sport' && field !== 'dport') return undefined;
  const [first, last] = rangeOf(value);
  const port = portIs(field === 'sport' ? 'source' : 'destination', first, last);
  if (protocol === 'udp' || protocol === 'th') return port;
  // The rule tests a port of another protocol, for instance `tcp dport`. It never matches a UDP
  // packet. For another packet, the result is unknown.
  return (packet) => (packet.protocol === 'udp' ? false : undefined);
}

function rangeOf(value: Json): [first: number, last: number] {
  const { range } = (typeof value === 'object' ? (value ?? {}) : {}) as { range?: Json };
  const [first, last] = Array.isArray(range) ? range : [value, value];
  return [Number(first), Number(last)];
}

function matchText({ op, left, right }: Match): string {
  const [inner = {}] = Object.values((left ?? {}) as JsonObject);
  const name = Object.values((inner ?? {}) as JsonObject)
    .map(textOf)
    .join(' ');
  const values = valuesOf(right).map(textOf);
  return `${name} ${op === '!=' ? '!= ' : ''}${values.join(',')}`;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

/** The tables that iptables-nft makes. */
const IPTABLES: ReadonlySet<string> = new Set(['filter', 'mangle', 'raw', 'security', 'nat']);
/** Expressions that neither test the packet nor decide about it. */
const HARMLESS: ReadonlySet<string> = new Set(['counter', 'log', 'comment', 'mangle', 'notrack']);
