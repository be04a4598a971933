/**
 * `readFirewall`: reads the rules of nft and iptables. Changes nothing.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { FilterRules } from './filter-rules.ts';
import { readIptablesRules } from './iptables-rules.ts';
import { readNftRules } from './nft-rules.ts';

/** The rules, or why they are not known. */
export type Firewall =
  | { readonly rules: readonly FilterRules[] }
  | { readonly rules: readonly []; readonly unread: string };

/** Reads the rules of the present network namespace. */
export async function readFirewall(): Promise<Firewall> {
  const [nft, ...saved] = await Promise.all([
    output('nft', ['--json', 'list', 'ruleset']),
    ...SAVES.map(async ({ program, family, names }) => {
      // If the kernel has no tables of iptables-legacy, the program that prints these tables is not
      // called. The program would load the kernel module that makes the tables.
      if (names !== undefined && !hasTables(names)) return [];
      const text = await output(program, []);
      return text === undefined ? [] : [readIptablesRules(text, program, family)];
    }),
  ]);
  const tables = saved.flat();
  if (nft === undefined && tables.length === 0) {
    return {
      rules: [],
      unread: 'nft and iptables-save are missing, or this user may not call them',
    };
  }
  return {
    rules: [...(nft === undefined ? [] : [readNftRules(nft, tables.length > 0)]), ...tables],
  };
}

function hasTables(names: string): boolean {
  try {
    return readFileSync(names, 'utf8') !== '';
  } catch {
    return false;
  }
}

/** Returns undefined if the program is missing or fails. */
function output(program: string, words: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { timeout: LONGEST_MS, maxBuffer: MOST_BYTES };
    execFile(program, words, options, (error, text) => resolve(error ? undefined : text));
  });
}

interface Save {
  readonly program: string;
  readonly family: 4 | 6;
  /** The program is called only if this file lists tables. Undefined: it is always called. */
  readonly names?: string;
}

const SAVES: readonly Save[] = [
  { program: 'iptables-save', family: 4 },
  { program: 'ip6tables-save', family: 6 },
  { program: 'iptables-legacy-save', family: 4, names: '/proc/net/ip_tables_names' },
  { program: 'ip6tables-legacy-save', family: 6, names: '/proc/net/ip6_tables_names' },
];
const LONGEST_MS = 5000;
const MOST_BYTES = 64 * 1024 * 1024;
