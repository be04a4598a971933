/**
 * `ClosedStart`: keeps the machine closed while `litz agent` starts, if the previous agent
 * enforced. A closed machine lets no packet to a pod of another node leave in plaintext.
 *
 * @module
 */
import { closeAsBefore, enforcedBefore, LinuxHost } from '@litz/mesh';
import type { AgentFlags } from './agent-flags.ts';

export class ClosedStart {
  readonly #host: LinuxHost;
  /** Called with each sentence for the log. */
  readonly #log: (line: string) => void;

  /**
   * Closes the machine as the previous agent had closed it, and restores this state if another
   * program changes it.
   *
   * @param log called with each sentence for the log
   * @returns undefined if the node did not enforce before, if it must not enforce now, or if it
   *   enforced in another mode of encryption
   * @throws {SavedChoicesError} the saved choices cannot be read
   */
  static async begin(
    { interface: interfaceName, stateDir, encrypt, enforcement, cniDir, ...flags }: AgentFlags,
    log: (line: string) => void,
  ): Promise<ClosedStart | undefined> {
    const choices = { mode: encrypt, enforcement };
    const request = enforcedBefore({ stateFolder: stateDir, interfaceName, choices });
    if (!request) return undefined;
    const settings = { interfaceName, table: flags.table, priority: flags.priority };
    const start = new ClosedStart(await LinuxHost.open({ ...settings, cniFolder: cniDir }), log);
    try {
      const troubles = await closeAsBefore(start.#host, settings, request);
      for (const trouble of [...troubles, CLOSED]) log(trouble);
    } catch (error) {
      log(`the machine cannot be closed before the registry answers: ${(error as Error).message}`);
    }
    return start;
  }

  private constructor(host: LinuxHost, log: (line: string) => void) {
    this.#host = host;
    this.#log = log;
    host.watch({
      onRepaired: (steps) => this.#log(`restored the closed machine in ${steps.length} steps`),
      onLink: () => {},
      onUnderlay: () => {},
      onTrouble: (trouble) => this.#log(trouble),
    });
  }

  /** Stops watching. The machine stays closed. */
  end(): void {
    this.#host.close();
  }
}

const CLOSED = 'enforce is in effect as before the restart, until the registry answers';
