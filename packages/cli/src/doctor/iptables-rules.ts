/**
 * `readIptablesRules`: reads the output of iptables-save(8) and ip6tables-save(8).
 *
 * @module
 */
import { addressIs, linkIs, not, portIs, protocolIs, stateIs } from './conditions.ts';
import type {
  Condition,
  FilterChain,
  FilterHook,
  FilterRule,
  FilterRules,
  FilterVerdict,
} from './filter-rules.ts';

/** Returns the chains of the tables that can drop packets. */
export function readIptablesRules(text: string, program: string, family: 4 | 6): FilterRules {
  const chains = new Map<string, FilterChain & { rules: FilterRule[] }>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    if (!FILTERS.has(table)) continue;
    const [, chain, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (chain !== undefined) {
      chains.set(`${table} ${chain}`, {
        family: family === 4 ? 'ip' : 'ip6',
        hook: HOOKS.get(chain),
        priority: FILTERS.get(table)!,
        policy: policy === 'DROP' ? 'drop' : 'accept',
        rules: [],
      });
    }
    const [, name = '', rule] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
    if (rule !== undefined) chains.get(`${table} ${name}`)?.rules.push(readRule(rule, table));
  }
  return { program, chains };
}

function readRule(text: string, table: string): FilterRule {
  const words = text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const conditions: (Condition | undefined)[] = [];
  let verdict: FilterVerdict | undefined;
  for (let at = 0; at < words.length;) {
    const isNot = words[at] === '!';
    if (isNot) at++;
    const option = words[at++] ?? '';
    const value = words[at]?.startsWith('-') === false ? words[at++]! : '';
    if (option === '-j' || option === '-g') {
      verdict = verdictOf(option, value, table);
      // What follows are options of the target.
      break;
    }
    if (option === '-m' || option === '--comment') continue;
    const condition = conditionOf(option, value);
    conditions.push(isNot ? not(condition) : condition);
  }
  return { text, conditions, verdict };
}

function verdictOf(option: string, target: string, table: string): FilterVerdict | undefined {
  if (target === 'ACCEPT') return { type: 'accept' };
  if (target === 'DROP' || target === 'REJECT') return { type: 'drop' };
  if (target === 'RETURN') return { type: 'return' };
  if (OTHER_TARGETS.test(target)) return undefined;
  return { type: option === '-g' ? 'goto' : 'jump', chain: `${table} ${target}` };
}

function conditionOf(option: string, value: string): Condition | undefined {
  const [first, last] = value.split(':').map(Number);
  switch (option) {
    case '-i':
      return linkIs('in', value.replace(/\+$/, '*'));
    case '-o':
      return linkIs('out', value.replace(/\+$/, '*'));
    case '-p':
      return protocolIs(value);
    case '-s':
      return addressIs('source', value);
    case '-d':
      return addressIs('destination', value);
    case '--sport':
      return portIs('source', first!, last ?? first!);
    case '--dport':
      return portIs('destination', first!, last ?? first!);
    case '--ctstate':
    case '--state':
      return stateIs(value.toLowerCase().split(','));
    default:
      return undefined;
  }
}

/** The tables that can drop packets, with the priority of their chains (netfilter_ipv4.h). */
const FILTERS: ReadonlyMap<string, number> = new Map([
  ['raw', -300],
  ['mangle', -150],
  ['filter', 0],
  ['security', 50],
]);
const HOOKS: ReadonlyMap<string, FilterHook> = new Map([
  ['PREROUTING', 'prerouting'],
  ['INPUT', 'input'],
  ['OUTPUT', 'output'],
  ['POSTROUTING', 'postrouting'],
]);
/** Targets that let the packet go on to the next rule. */
const OTHER_TARGETS = /^(LOG|NFLOG|ULOG|MARK|CONNMARK|TCPMSS|CT|NOTRACK|DSCP|TOS|SECMARK|TRACE)?$/;
