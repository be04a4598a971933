/**
 * `Step`: one change to the host while a tunnel is brought up, as plain data, and its description.
 *
 * plan.ts makes the steps, and tunnel.ts carries them out. Neither depends on how the other works.
 *
 * @module
 */
import { formatAddress, formatCidr } from '@litz/config';
import type { DnsSettings } from './dns-settings.ts';
import type { Prefix } from './prefix.ts';

/** A policy rule. `priority` is always given, so that exactly this rule can be deleted again. */
export interface PolicyRule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly table: number;
  /** The rule does not apply to packets with this mark. */
  readonly notMark?: number;
  /** Routes of the table are ignored if their prefix length is at most this. */
  readonly suppressPrefixLength?: number;
}

/** One change to the host. Rules and prefixes are as in the kernel's tables. */
export type Step =
  /** Makes the TUN device, with the link down and without addresses. */
  | { readonly type: 'create-link'; readonly name: string }
  /** Sets keys and peers, and the mark of all outer datagrams if it is not 0. */
  | { readonly type: 'configure'; readonly peers: number; readonly mark: number }
  | { readonly type: 'add-address'; readonly address: Prefix }
  /** Sets the link up, which opens the sockets. From here on packets flow. */
  | { readonly type: 'set-up'; readonly mtu: number }
  | { readonly type: 'add-route'; readonly destination: Prefix; readonly table: number }
  | { readonly type: 'add-rule'; readonly rule: PolicyRule }
  /** Deletes a rule that a killed tunnel left. */
  | { readonly type: 'delete-rule'; readonly rule: PolicyRule }
  | {
      readonly type: 'set-sysctl';
      readonly name: string;
      /**
       * The value stays when the tunnel is removed, because another tunnel may rely on it by then.
       */
      readonly value: string;
    }
  /**
   * Makes the reverse path filter loose. Then the kernel also accepts answers on an interface
   * through which it would not send packets to their sender.
   */
  | { readonly type: 'loosen-filter'; readonly link: string }
  /** Restores a filter that a killed tunnel left loose. */
  | { readonly type: 'restore-filter'; readonly link: string }
  /** Sets the DNS servers that are used while the tunnel is up. */
  | { readonly type: 'set-dns'; readonly dns: DnsSettings }
  /** Runs a hook of the file. */
  | { readonly type: 'run-hook'; readonly when: HookTime; readonly command: string };

/** When a hook runs. */
export type HookTime = 'PreUp' | 'PostUp' | 'PreDown' | 'PostDown';

/** The number of the main routing table, RT_TABLE_MAIN. */
export const MAIN_TABLE = 254;

/** Returns one line that describes the step for a person. */
export function describeStep(step: Step, link: string): string {
  switch (step.type) {
    case 'create-link':
      return `create interface ${step.name}`;
    case 'configure': {
      const peers = step.peers === 1 ? '1 peer' : `${step.peers} peers`;
      return `configure ${link}: ${peers}${step.mark ? `, mark ${step.mark}` : ''}`;
    }
    case 'add-address':
      return `add address ${formatAddress(step.address.address)}/${step.address.prefixLength}`;
    case 'set-up':
      return `set ${link} up, MTU ${step.mtu}`;
    case 'add-route':
      return `add route ${formatCidr(step.destination)} through ${link}${inTable(step.table)}`;
    case 'add-rule':
      return `add ${describeRule(step.rule)}`;
    case 'delete-rule':
      return `delete left-over ${describeRule(step.rule)}`;
    case 'loosen-filter':
      return `set net/ipv4/conf/${step.link}/rp_filter = 2`;
    case 'restore-filter':
      return `restore left-over net/ipv4/conf/${step.link}/rp_filter`;
    case 'set-dns': {
      const { servers, searchDomains } = step.dns;
      const search = searchDomains.length === 0 ? '' : `, search ${searchDomains.join(' ')}`;
      return `set DNS servers ${servers.join(' ')}${search}`;
    }
    case 'run-hook':
      return `run ${step.when}: ${step.command}`;
    case 'set-sysctl':
    default:
      return `set ${step.name} = ${step.value}`;
  }
}

function describeRule({ family, notMark, table, suppressPrefixLength }: PolicyRule): string {
  const who = notMark === undefined ? 'all packets' : `packets without mark ${notMark}`;
  const what =
    suppressPrefixLength === undefined ? '' : `, only routes longer than /${suppressPrefixLength}`;
  return `IPv${family} rule: ${who} use table ${tableName(table)}${what}`;
}

function inTable(table: number): string {
  return table === MAIN_TABLE ? '' : `, table ${table}`;
}

function tableName(table: number): string {
  return table === MAIN_TABLE ? 'main' : String(table);
}
