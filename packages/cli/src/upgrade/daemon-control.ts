/**
 * `DaemonControl`: how a running daemon is asked for an upgrade: by `litz upgrade`, by SIGUSR2, and
 * by a new process with `--take-over`.
 *
 * @module
 */
import { closeAll } from '../close-all.ts';
import { describeFailure, Failure } from '../failure.ts';
import type { ServedDevice } from '../served-device.ts';
import { ControlServer } from '../tunnel/control.ts';
import { daemonFolder, removeDaemonFolder } from './daemon-folder.ts';
import type { Upgrades } from './upgrades.ts';

export class DaemonControl {
  readonly #name: string;
  readonly #upgrades: Upgrades;
  readonly #onSignal: () => void;
  #server: ControlServer | undefined = undefined;

  /** Listens. If the socket cannot be made, the daemon works without it, and logs the reason. */
  static async open(served: ServedDevice, upgrades: Upgrades): Promise<DaemonControl> {
    const { log, device } = served;
    const control = new DaemonControl(served, upgrades);
    try {
      control.#server = await ControlServer.listen(
        device.name,
        async (request, say) => {
          if (request.do === 'upgrade') say(await upgrades.run());
          else if (request.do === 'take-over') upgrades.offer();
          else throw new Failure('a daemon can only be upgraded');
        },
        daemonFolder(device.name),
      );
    } catch (error) {
      log.error(`litz upgrade cannot reach this daemon: ${(error as Error).message}`);
    }
    return control;
  }

  private constructor({ device, log }: ServedDevice, upgrades: Upgrades) {
    this.#name = device.name;
    this.#upgrades = upgrades;
    this.#onSignal = () => {
      upgrades.run().catch((error: unknown) => log.error(describeFailure(error)));
    };
    process.on('SIGUSR2', this.#onSignal);
  }

  /** Resolves when all requests are answered. */
  async close(): Promise<void> {
    await closeAll(
      () => this.#server?.close(),
      () => process.off('SIGUSR2', this.#onSignal),
      () => this.#upgrades.isReplaced || removeDaemonFolder(this.#name),
    );
  }
}
