/**
 * `RouteMonitor`: records when links, addresses, routes and rules of a namespace changed, with
 * `ip -ts monitor`.
 *
 * @module
 */
import { RunningCommand, until } from '../peers/command.ts';

/** One rtnetlink message. */
export interface RouteChange {
  /** Unix time in ms. */
  readonly at: number;
  readonly kind: 'LINK' | 'ADDR' | 'ROUTE' | 'RULE';
  /** The text of `ip`; it begins with 'Deleted' if the object was removed. */
  readonly text: string;
}

export class RouteMonitor {
  readonly #command: RunningCommand;

  /** Starts `ip` in a network namespace. Resolves as soon as `ip` reports changes. */
  static async start(namespace: string): Promise<RouteMonitor> {
    const words = ['-ts', '-o', 'monitor', 'label', 'link', 'address', 'route', 'rule'];
    const command = new RunningCommand('ip', words, { namespace, env: { TZ: 'UTC' } });
    const monitor = new RouteMonitor(command);
    // `ip` prints nothing until something changes. So the MTU of the loopback interface is changed
    // again and again, until `ip` reports one of these changes.
    const probe = async (): Promise<void> => {
      const link = ['link', 'set', 'lo', 'mtu', String(65_000 + (probes++ % 500))];
      await new RunningCommand('ip', link, { namespace }).result(PROBE_MS);
    };
    await probe();
    await until('ip monitor', () => {
      if (monitor.changes.length === 0) void probe();
      return monitor.changes.length > 0;
    });
    return monitor;
  }

  private constructor(command: RunningCommand) {
    this.#command = command;
  }

  /** All changes so far, in order. */
  get changes(): RouteChange[] {
    return parseChanges(this.#command.output);
  }

  async end(): Promise<void> {
    await this.#command.end();
  }
}

/** Parses the lines of `ip -ts -o monitor`, and ignores other lines. */
export function parseChanges(output: string): RouteChange[] {
  return output.split('\n').flatMap((line) => {
    const found = /^\[([\d-]+T[\d:]+\.\d{3})(\d*)\] \[(LINK|ADDR|ROUTE|RULE)\](.*)$/.exec(line);
    if (!found) return [];
    const [, time, micro = '', kind, text = ''] = found;
    const at = Date.parse(`${time}Z`) + Number(`0.${micro || 0}`);
    return [{ at, kind: kind as RouteChange['kind'], text }];
  });
}

const PROBE_MS = 5000;
let probes = 0;
