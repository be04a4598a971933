/**
 * `LinuxHost`: the machine that the agent runs on, in the network namespace of the thread that
 * opened it.
 *
 * `apply` brings the machine into the desired state. After `watch`, `LinuxHost` receives the
 * kernel's notifications about links, addresses, rules, the mesh's routing table and its nftables
 * table. If another program removes a part of the desired state, `LinuxHost` restores this part in
 * the next turn of the event loop.
 *
 * @module
 */
import { Netlink, NftMonitor, onReadable, RoutingMonitor } from '@litz/sys';
import { MESH_TABLE } from '../netfilter/mesh-ruleset.ts';
import { Nft } from '../netfilter/nft.ts';
import { RulesetKeeper } from '../netfilter/ruleset-keeper.ts';
import {
  DEFAULT_INTERFACE,
  DEFAULT_PRIORITY,
  DEFAULT_TABLE,
  type DesiredHost,
  type RoutingNumbers,
  type Underlay,
} from '../plan/desired-host.ts';
import { KernelState } from '../routes/kernel-state.ts';
import { LinkFilters } from '../routes/link-filters.ts';
import { WantedRoutes } from '../routes/wanted-routes.ts';
import { Convergence } from './convergence.ts';
import { readCni } from './cni-configuration.ts';
import { collectFacts } from './collect-facts.ts';
import { findUnderlay } from './find-underlay.ts';
import type { CniFacts, HostFacts } from './host-facts.ts';
import { HostNamespace } from './host-namespace.ts';
import {
  MeshHostError,
  type Applied,
  type FactsRequest,
  type HostListener,
  type MeshHost,
  type UnderlayRequest,
} from './mesh-host.ts';
import { messageOf, NFT_MISSING, StepRunner } from './step-runner.ts';
import { Passes } from './passes.ts';
import { UnderlayWatch } from './underlay-watch.ts';

/**
 * Options of `LinuxHost.open`. `table` and `priority` must be the same for every call on one
 * machine.
 */
export interface LinuxHostOptions {
  /** Name of the daemon's interface; default: `litz0`. */
  readonly interfaceName?: string;
  /** Number of the mesh's routing table; default: 51871. */
  readonly table?: number;
  /** Priority of the mesh's rules; default: 900. */
  readonly priority?: number;
  /**
   * Folder for the former values of reverse path filters, which are needed until the next boot;
   * default: /run/litz.
   */
  readonly runtimeFolder?: string;
  /** The program `nft`, by name or path; default: `nft`, from the PATH. */
  readonly nft?: string;
  /** Folder of the CNI's configuration; default: /etc/cni/net.d. */
  readonly cniFolder?: string;
}

/**
 * The machine that the agent runs on, in the network namespace of the thread that calls `open`.
 *
 * @example
 * ```ts
 * // As root, on Linux.
 * import { checkHost, formatCheckLine, LinuxHost } from '@litz/mesh';
 * import { DEFAULT_PRIORITY, DEFAULT_TABLE } from '@litz/mesh';
 *
 * const tunnel = { interfaceName: 'litz0', port: 51871 };
 * const choices = { mode: 'pods', enforcement: 'permissive' } as const;
 * const numbers = { table: DEFAULT_TABLE, priority: DEFAULT_PRIORITY };
 * const none = { clusterPrefixes: [], nodePrefixes: [], records: new Map() };
 * const host = await LinuxHost.open();
 * const facts = await host.facts({ ...tunnel, ...choices });
 * for (const line of checkHost(facts, { ...tunnel, ...choices, ...numbers, ...none })) {
 *   console.log(formatCheckLine(line));
 * }
 * host.close();
 * ```
 */
export class LinuxHost implements MeshHost {
  readonly #interfaceName: string;
  readonly #numbers: RoutingNumbers;
  readonly #options: LinuxHostOptions;
  readonly #namespace: HostNamespace = new HostNamespace();
  readonly #netlink: Netlink = new Netlink();
  readonly #monitor: RoutingMonitor;
  readonly #underlay: UnderlayWatch = new UnderlayWatch();
  readonly #nftMonitor: NftMonitor | undefined;
  readonly #nft: Nft;
  readonly #ruleset: RulesetKeeper;
  readonly #wanted: WantedRoutes = new WantedRoutes();
  readonly #state: KernelState;
  readonly #filters: LinkFilters;
  readonly #convergence: Convergence;
  readonly #passes: Passes<Applied> = new Passes({
    work: (isRequested) => this.#converge(isRequested),
    onFailure: (error) => this.#listener?.onTrouble(messageOf(error)),
  });
  readonly #unwatch: (() => void)[] = [];
  #listener: HostListener | undefined = undefined;
  #desired: DesiredHost | undefined = undefined;
  /**
   * Calls of `apply` are numbered. `#desiredOrder` is the number of the call that set `#desired`,
   * and `#lastOrder` is the number of the latest call.
   */
  #desiredOrder = 0;
  #lastOrder = 0;
  #isClosed = false;
  #hasNft = false;
  /** Why nft can't be used, if `#hasNft` is false. */
  #nftReason: string = NFT_MISSING;
  /** The link index that was last reported to the listener; undefined: none. */
  #reportedLink: number | undefined = undefined;

  /**
   * Opens the sockets to the kernel and looks for the ruleset of an earlier agent.
   *
   * @throws {SystemError} EPERM: no CAP_NET_ADMIN; EMFILE: no file descriptor is left
   * @throws {MeshHostError} `nft` could not read the ruleset
   */
  static async open(options: LinuxHostOptions = {}): Promise<LinuxHost> {
    const host = new LinuxHost(options);
    try {
      // Without the program, a ruleset of an earlier agent can be neither read nor changed.
      if ((await host.#nft.version()) !== undefined) await host.#ruleset.look();
    } catch (error) {
      host.close();
      throw new MeshHostError(`cannot read the nftables ruleset: ${messageOf(error)}`, {
        cause: error,
      });
    }
    return host;
  }

  private constructor(options: LinuxHostOptions) {
    this.#options = options;
    this.#interfaceName = options.interfaceName ?? DEFAULT_INTERFACE;
    const { table = DEFAULT_TABLE, priority = DEFAULT_PRIORITY } = options;
    this.#numbers = { table, priority };
    this.#monitor = new RoutingMonitor(table);
    this.#nftMonitor = openNftMonitor();
    this.#nft = new Nft({
      inNamespace: (run) => this.#namespace.run(run),
      ...(options.nft ? { program: options.nft } : {}),
    });
    this.#ruleset = new RulesetKeeper(this.#nft, this.#nftMonitor);
    this.#filters = this.#openFilters();
    this.#state = new KernelState({
      netlink: this.#netlink,
      monitor: this.#monitor,
      interfaceName: this.#interfaceName,
      numbers: this.#numbers,
      wanted: this.#wanted,
      filters: this.#filters,
      sysctl: (name) => this.#namespace.sysctl(name),
    });
    this.#convergence = new Convergence({
      state: this.#state,
      wanted: this.#wanted,
      filters: this.#filters,
      ruleset: this.#ruleset,
      runner: new StepRunner({
        netlink: this.#netlink,
        table,
        filters: this.#filters,
        ruleset: this.#ruleset,
        linkIndex: () => this.linkIndex,
      }),
    });
  }

  /** Index of the tunnel's interface; undefined while there is none. */
  get linkIndex(): number | undefined {
    return this.#state.link?.index;
  }

  /** Reads the CNI's configuration. This is much cheaper than `facts`. */
  cni(): CniFacts {
    const { cniFolder } = this.#options;
    return readCni({ links: this.#netlink.links(), ...(cniFolder && { folder: cniFolder }) });
  }

  async underlay(request: UnderlayRequest): Promise<Underlay> {
    return findUnderlay(request, this.#netlink, this.#netlink.links());
  }

  /** Reads the facts that `checkHost` needs. It changes nothing. */
  async facts(request: FactsRequest): Promise<HostFacts> {
    const { cniFolder } = this.#options;
    return collectFacts(request, {
      netlink: this.#netlink,
      sysctl: (name) => this.#namespace.sysctl(name),
      nft: this.#nft,
      inNamespace: (run) => this.#namespace.run(run),
      numbers: this.#numbers,
      ...(cniFolder ? { cniFolder } : {}),
    });
  }

  async apply(desired: DesiredHost): Promise<Applied> {
    if (this.#isClosed) throw new MeshHostError('the host is closed');
    const { table, priority } = this.#numbers;
    if (desired.table !== table || desired.priority !== priority) {
      throw new MeshHostError(`the host was opened for table ${table} and priority ${priority}`);
    }
    const order = ++this.#lastOrder;
    if (desired.enforcement !== this.#desired?.enforcement) await this.#checkNft(desired);
    // The check of a later call may have ended before the check of this call. Then the later call
    // wins.
    if (order > this.#desiredOrder) {
      this.#desiredOrder = order;
      // Without nft, `permissive` continues without a ruleset: without SNAT and MSS clamp.
      this.#desired = this.#hasNft ? desired : { ...desired, ruleset: undefined };
    }
    return this.#passes.request();
  }

  watch(listener: HostListener): void {
    this.#listener = listener;
    if (this.#unwatch.length > 0) return;
    const heard = (): void => this.#passes.notify();
    this.#unwatch.push(onReadable(this.#monitor.fd, heard));
    if (this.#nftMonitor) this.#unwatch.push(onReadable(this.#nftMonitor.fd, heard));
    this.#underlay.watch(() => this.#listener?.onUnderlay());
  }

  async remove(): Promise<Applied> {
    return this.apply({
      interfaceName: this.#interfaceName,
      enforcement: 'off',
      ...this.#numbers,
      mark: 0,
      link: undefined,
      routes: [],
      rules: new Map(),
      looseLinks: [],
      ruleset: undefined,
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const end of this.#unwatch) end();
    this.#listener = undefined;
    this.#monitor.close();
    this.#underlay.close();
    this.#nftMonitor?.close();
    this.#netlink.close();
    this.#namespace.close();
    this.#passes.close(new MeshHostError('the host was closed'));
  }

  /**
   * Brings the machine into the desired state.
   *
   * @param isRequested whether a call of `apply` waits for the result; if none does, this is a
   *   repair, and the listener gets the result
   */
  async #converge(isRequested: boolean): Promise<Applied> {
    const desired = this.#desired;
    if (desired) this.#wanted.want(desired);
    const differs = this.#state.update(desired);
    // Routes and rules come first, because they need no program.
    const first =
      desired && (isRequested || differs) ? this.#convergence.untilNft(desired) : NOTHING;
    this.#reportLink();
    const rulesetChanged = this.#hasNft && (await this.#ruleset.follow());
    const hasRest = desired !== undefined && (first.isOpen || rulesetChanged);
    if (hasRest) {
      this.#state.update(desired);
      this.#reportLink();
    }
    const second = hasRest ? await this.#convergence.rest(desired) : NOTHING;
    const applied = {
      steps: [...first.steps, ...second.steps],
      troubles: [
        ...new Set([...first.troubles, ...second.troubles, ...this.#shortcomings(desired)]),
      ],
    };
    if (!isRequested) this.#report(applied);
    return applied;
  }

  #shortcomings(desired: DesiredHost | undefined): string[] {
    if (!desired || desired.enforcement === 'off' || this.#hasNft) return [];
    return [`no SNAT and no MSS clamp: ${this.#nftReason}`];
  }

  #reportLink(): void {
    const index = this.#state.link?.index;
    if (index === this.#reportedLink) return;
    this.#reportedLink = index;
    this.#listener?.onLink(index);
  }

  #report({ steps, troubles }: Applied): void {
    if (steps.length > 0) this.#listener?.onRepaired(steps);
    for (const trouble of troubles) this.#listener?.onTrouble(trouble);
  }

  async #checkNft({ enforcement }: DesiredHost): Promise<void> {
    const hasProgram = (await this.#nft.version()) !== undefined;
    this.#hasNft = hasProgram && this.#nftMonitor !== undefined;
    this.#nftReason = hasProgram ? NFT_REFUSED : NFT_MISSING;
    if (enforcement !== 'enforce' || this.#hasNft) return;
    throw new MeshHostError(`enforce does not work here: ${this.#nftReason}`);
  }

  #openFilters(): LinkFilters {
    return new LinkFilters({
      netlink: this.#netlink,
      interfaceName: this.#interfaceName,
      folder: this.#options.runtimeFolder ?? RUNTIME_FOLDER,
      sysctl: (name) => this.#namespace.sysctl(name),
      namespace: () => this.#namespace.inode,
    });
  }
}

function openNftMonitor(): NftMonitor | undefined {
  try {
    return new NftMonitor(NFPROTO_INET, MESH_TABLE.split(' ')[1] ?? '');
  } catch {
    return undefined;
  }
}

const NOTHING = { steps: [], troubles: [], isOpen: false } as const;
const NFT_REFUSED =
  'the kernel has no nftables, or CAP_NET_ADMIN is missing: run the agent as root';
const RUNTIME_FOLDER = '/run/litz';
const NFPROTO_INET = 1;
