/**
 * `LinuxHost`: the machine that we run on, in the network namespace of the calling thread.
 *
 * It makes the machine look as it is told, and then hears every change of links, addresses, rules and of
 * its own table of routes, and of its nftables table. What somebody takes away is back as soon as the
 * event loop has its turn.
 *
 * @module
 */
import { Netlink, NftMonitor, onReadable, RoutingMonitor } from '@litz/sys';
import { MESH_TABLE } from '../netfilter/mesh-ruleset.ts';
import { Nft } from '../netfilter/nft.ts';
import { RulesetKeeper } from '../netfilter/ruleset-keeper.ts';
import type { ActualHost } from '../plan/actual-host.ts';
import {
  DEFAULT_INTERFACE,
  DEFAULT_PRIORITY,
  DEFAULT_TABLE,
  type DesiredHost,
} from '../plan/desired-host.ts';
import { planRoutes } from '../plan/plan.ts';
import type { Step } from '../plan/step.ts';
import { KernelState } from '../routes/kernel-state.ts';
import { LinkFilters } from '../routes/link-filters.ts';
import type { MeshPlace } from '../routes/to-kernel.ts';
import { WantedRoutes } from '../routes/wanted-routes.ts';
import { collectFacts } from './collect-facts.ts';
import type { HostFacts } from './host-facts.ts';
import { HostNamespace } from './host-namespace.ts';
import {
  MeshHostError,
  type Applied,
  type FactsRequest,
  type HostListener,
  type MeshHost,
} from './mesh-host.ts';
import { isForNft, messageOf, NFT_MISSING, StepRunner } from './step-runner.ts';
import { Turns } from './turns.ts';
import { UnderlayWatch } from './underlay-watch.ts';

export interface LinuxHostOptions {
  /** Of the daemon; default: `litz0`. */
  readonly interfaceName?: string;
  /** Default: 51871. */
  readonly table?: number;
  /** Default: 900. */
  readonly priority?: number;
  /** What filters were before is written down here, until the next boot; default: /run/litz. */
  readonly runtimeFolder?: string;
  /** Default: `nft`, from the PATH. */
  readonly nft?: string;
  /** Where the CNI's configuration is; default: /etc/cni/net.d. */
  readonly cniFolder?: string;
}

export class LinuxHost implements MeshHost {
  readonly #interfaceName: string;
  readonly #place: MeshPlace;
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
  readonly #runner: StepRunner;
  readonly #turns: Turns<Applied> = new Turns({
    work: (isAsked) => this.#converge(isAsked),
    onFailure: (error) => this.#listener?.onTrouble(messageOf(error)),
  });
  readonly #unwatch: (() => void)[] = [];
  #listener: HostListener | undefined = undefined;
  #desired: DesiredHost | undefined = undefined;
  /** Calls of `apply` are numbered: that of `#desired`, and the last one. */
  #desiredOrder = 0;
  #lastOrder = 0;
  #isClosed = false;
  #hasNft = false;
  /** Why there is none. */
  #nftReason: string = NFT_MISSING;
  /** As the listener knows it. */
  #toldLink: number | undefined = undefined;

  /** @throws {SystemError} EPERM without CAP_NET_ADMIN; no descriptor left */
  static async open(options: LinuxHostOptions = {}): Promise<LinuxHost> {
    const host = new LinuxHost(options);
    try {
      // Without the program a table of before can't be seen, nor be changed.
      if ((await host.#nft.version()) !== undefined) await host.#ruleset.look();
    } catch (error) {
      host.close();
      throw new MeshHostError(`can't read the filters: ${messageOf(error)}`, { cause: error });
    }
    return host;
  }

  private constructor(options: LinuxHostOptions) {
    this.#options = options;
    this.#interfaceName = options.interfaceName ?? DEFAULT_INTERFACE;
    const { table = DEFAULT_TABLE, priority = DEFAULT_PRIORITY } = options;
    this.#place = { table, priority };
    this.#monitor = new RoutingMonitor(table);
    this.#nftMonitor = openNftMonitor();
    this.#nft = new Nft({
      inNamespace: (run) => this.#namespace.run(run),
      ...(options.nft ? { program: options.nft } : {}),
    });
    this.#ruleset = new RulesetKeeper(this.#nft, this.#nftMonitor);
    this.#filters = this.#openFilters();
    this.#runner = new StepRunner({
      netlink: this.#netlink,
      table,
      filters: this.#filters,
      ruleset: this.#ruleset,
      linkIndex: () => this.linkIndex,
    });
    this.#state = new KernelState({
      netlink: this.#netlink,
      monitor: this.#monitor,
      interfaceName: this.#interfaceName,
      place: this.#place,
      wanted: this.#wanted,
      sysctl: (name) => this.#namespace.sysctl(name),
    });
  }

  /** Index of the tunnel's interface; undefined while there is none. */
  get linkIndex(): number | undefined {
    return this.#state.link?.index;
  }

  async facts(request: FactsRequest): Promise<HostFacts> {
    const { cniFolder } = this.#options;
    return collectFacts(request, {
      netlink: this.#netlink,
      sysctl: (name) => this.#namespace.sysctl(name),
      nft: this.#nft,
      inNamespace: (run) => this.#namespace.run(run),
      place: this.#place,
      ...(cniFolder ? { cniFolder } : {}),
    });
  }

  async apply(desired: DesiredHost): Promise<Applied> {
    if (this.#isClosed) throw new MeshHostError('the host is closed');
    const { table, priority } = this.#place;
    if (desired.table !== table || desired.priority !== priority) {
      throw new MeshHostError(`the host was opened for table ${table} and priority ${priority}`);
    }
    const order = ++this.#lastOrder;
    if (desired.enforcement !== this.#desired?.enforcement) await this.#checkNft(desired);
    // One that was asked for later may have been checked earlier.
    if (order > this.#desiredOrder) {
      this.#desiredOrder = order;
      // Without the program, `permissive` does without what only the ruleset can do.
      this.#desired = this.#hasNft ? desired : { ...desired, ruleset: undefined };
    }
    return this.#turns.ask();
  }

  watch(listener: HostListener): void {
    this.#listener = listener;
    if (this.#unwatch.length > 0) return;
    const heard = (): void => this.#turns.hear();
    this.#unwatch.push(onReadable(this.#monitor.fd, heard));
    if (this.#nftMonitor) this.#unwatch.push(onReadable(this.#nftMonitor.fd, heard));
    this.#underlay.watch(() => this.#listener?.onUnderlay());
  }

  async remove(): Promise<Applied> {
    return this.apply({
      interfaceName: this.#interfaceName,
      enforcement: 'off',
      ...this.#place,
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
    this.#turns.close(new MeshHostError('it was closed'));
  }

  /** @param isAsked somebody waits for it; else it is a repair, which is told */
  async #converge(isAsked: boolean): Promise<Applied> {
    const desired = this.#desired;
    if (desired) this.#wanted.want(desired);
    const differs = this.#state.update(desired);
    // Routes and rules do without waiting for any program.
    const first = desired && (isAsked || differs) ? this.#carryOutUntilNft(desired) : NOTHING;
    this.#tellLink();
    const rulesetChanged = this.#hasNft && (await this.#ruleset.follow());
    const hasRest = desired !== undefined && (first.isOpen || rulesetChanged);
    const second = hasRest ? await this.#carryOut(desired) : NOTHING;
    const applied = {
      steps: [...first.steps, ...second.steps],
      troubles: [
        ...new Set([...first.troubles, ...second.troubles, ...this.#shortcomings(desired)]),
      ],
    };
    if (!isAsked) this.#tell(applied);
    return applied;
  }

  #shortcomings(desired: DesiredHost | undefined): string[] {
    if (!desired || desired.enforcement === 'off' || this.#hasNft) return [];
    return [`no SNAT and no MSS clamp: ${this.#nftReason}`];
  }

  #tellLink(): void {
    const index = this.#state.link?.index;
    if (index === this.#toldLink) return;
    this.#toldLink = index;
    this.#listener?.onLink(index);
  }

  #tell({ steps, troubles }: Applied): void {
    if (steps.length > 0) this.#listener?.onRepaired(steps);
    for (const trouble of troubles) this.#listener?.onTrouble(trouble);
  }

  /** The steps in front of the first one for `nft`. `isOpen`: there are more. */
  #carryOutUntilNft(desired: DesiredHost): Applied & { readonly isOpen: boolean } {
    const steps = this.#plan(desired);
    const end = steps.findIndex(isForNft);
    const now = end === -1 ? steps : steps.slice(0, end);
    return { steps: now, troubles: this.#runner.runNow(now), isOpen: end !== -1 };
  }

  async #carryOut(desired: DesiredHost): Promise<Applied> {
    this.#state.update(desired);
    const steps = this.#plan(desired);
    this.#tellLink();
    const troubles = await this.#runner.run(steps, desired.enforcement === 'enforce');
    return { steps, troubles };
  }

  #plan(desired: DesiredHost): Step[] {
    const { byKey, suspects } = this.#wanted;
    const actual = this.#actual(desired);
    const steps =
      suspects === 'all'
        ? planRoutes(desired, byKey, actual)
        : planRoutes(desired, of(suspects, byKey), {
            ...actual,
            routes: of(suspects, actual.routes),
          });
    // What is changed now is looked at again by the next plan: it may have failed.
    if (!steps.some(({ type }) => type === 'set-route' || type === 'delete-route')) {
      this.#wanted.clear();
    }
    return steps;
  }

  #actual({ looseLinks }: DesiredHost): ActualHost {
    const { link, routes, rules } = this.#state;
    return {
      link,
      routes,
      rules,
      looseLinks: this.#filters.loosened(),
      strictLinks: new Set(looseLinks.filter((name) => this.#filters.isStrict(name))),
      ruleset: this.#ruleset.loaded,
    };
  }

  async #checkNft({ enforcement }: DesiredHost): Promise<void> {
    const hasProgram = (await this.#nft.version()) !== undefined;
    this.#hasNft = hasProgram && this.#nftMonitor !== undefined;
    this.#nftReason = hasProgram ? NFT_REFUSED : NFT_MISSING;
    if (enforcement !== 'enforce' || this.#hasNft) return;
    throw new MeshHostError(`enforce can't be held: ${this.#nftReason}`);
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

function of<T>(keys: ReadonlySet<string>, map: ReadonlyMap<string, T>): Map<string, T> {
  const some = new Map<string, T>();
  for (const key of keys) {
    const value = map.get(key);
    if (value !== undefined) some.set(key, value);
  }
  return some;
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
