/**
 * A host and a device that record the calls, and fail on request.
 *
 * @module
 */
import { EventEmitter } from 'node:events';
import { formatCidr, type DeviceConfiguration } from '@litz/config';
import type { DeviceEvents } from '../../src/index.ts';
import type {
  DnsSettings,
  Host,
  HostFacts,
  PolicyRule,
  Prefix,
  TunnelDevice,
} from '../../src/quick/index.ts';

export class FakeHost implements Host {
  /** All calls that change something, in order. Those of the device begin with 'device'. */
  readonly log: string[] = [];
  readonly links: Set<string> = new Set();
  readonly loose: Set<string> = new Set();
  readonly rules: PolicyRule[] = [];
  /** The tunnels that have set DNS servers. */
  readonly dns: Set<string> = new Set();
  dnsNotice: string | undefined = undefined;
  facts_: HostFacts = {
    outerMtu: 1500,
    usedTables: new Set([254, 255]),
    rulePriorities: { 4: [0, 32766, 32767], 6: [0, 32766] },
    tunnelRules: [],
    srcValidMark: false,
    strictInterfaces: [],
    leftOverFilters: [],
  };
  /** The text of the entry that fails, and the errno it fails with. */
  failure: { entry: string; errno: string } | undefined = undefined;
  /** How often `isUsable` returns false before the link is usable. */
  unusable = 0;
  device: FakeDevice | undefined = undefined;

  readonly openDevice = async (name: string): Promise<TunnelDevice> => {
    this.write(`device open ${name}`);
    this.links.add(name);
    return (this.device = new FakeDevice(name, this));
  };

  hasLink(name: string): boolean {
    return this.links.has(name);
  }

  facts(): HostFacts {
    return this.facts_;
  }

  addAddress(link: string, address: Prefix): void {
    this.write(`address ${formatCidr(address)} ${link}`);
  }

  setUp(link: string, mtu: number): void {
    this.write(`up ${link} ${mtu}`);
    this.device?.linkUp();
  }

  isUsable(): boolean {
    return this.unusable-- <= 0;
  }

  addRoute(link: string, destination: Prefix, table: number): void {
    this.write(`route ${formatCidr(destination)} ${link} table ${table}`);
  }

  deleteAddress(link: string, address: Prefix): void {
    this.write(`delete address ${formatCidr(address)} ${link}`);
  }

  deleteRoute(link: string, destination: Prefix, table: number): void {
    this.write(`delete route ${formatCidr(destination)} ${link} table ${table}`);
  }

  addRule(rule: PolicyRule): void {
    this.write(`rule ${rule.family} ${rule.priority}`);
    this.rules.push(rule);
  }

  deleteRule(rule: PolicyRule): void {
    this.write(`delete rule ${rule.family} ${rule.priority}`);
    this.rules.splice(this.rules.indexOf(rule), 1);
  }

  loosenFilter(link: string, tunnel: string): void {
    this.write(`loosen ${link} ${tunnel}`);
    this.loose.add(link);
  }

  restoreFilter(link: string, tunnel: string): void {
    this.write(`restore ${link} ${tunnel}`);
    this.loose.delete(link);
  }

  setSysctl(name: string, value: string): void {
    this.write(`sysctl ${name} ${value}`);
  }

  setDns(tunnel: string, { servers }: DnsSettings): void {
    this.write(`dns ${servers.join(' ')} ${tunnel}`);
    this.dns.add(tunnel);
  }

  restoreDns(tunnel: string): string | undefined {
    this.write(`restore dns ${tunnel}`);
    this.dns.delete(tunnel);
    return this.dnsNotice;
  }

  async runHook(command: string): Promise<void> {
    this.write(`hook ${command}`);
  }

  close(): void {}

  write(entry: string): void {
    if (this.failure?.entry === entry) {
      const { errno } = this.failure;
      throw Object.assign(new Error(`asked for: ${errno}`), { errno });
    }
    this.log.push(entry);
  }
}

export class FakeDevice extends EventEmitter<DeviceEvents> implements TunnelDevice {
  readonly name: string;
  readonly #host: FakeHost;
  configuration: DeviceConfiguration = {};
  /** What happens when the link goes up. */
  onLinkUp: () => void = () => this.emit('up', { listenPort: 51820 });

  constructor(name: string, host: FakeHost) {
    super();
    this.name = name;
    this.#host = host;
  }

  async configure(change: DeviceConfiguration): Promise<void> {
    this.#host.write('device configure');
    this.configuration = change;
  }

  async close(): Promise<void> {
    this.#host.write('device close');
    this.#host.links.delete(this.name);
  }

  /** Calls `onLinkUp` later, because the events of a real device come from another thread. */
  linkUp(): void {
    queueMicrotask(() => this.onLinkUp());
  }
}
