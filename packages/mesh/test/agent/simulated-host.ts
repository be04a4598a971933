/**
 * `SimulatedHost`: a host that brings a `SimulatedMachine` into the state that the agent wants.
 *
 * @module
 */
import type { Applied, HostListener, MeshHost } from '../../src/host/mesh-host.ts';
import type { DesiredHost, Underlay } from '../../src/plan/desired-host.ts';
import { plan } from '../../src/plan/plan.ts';
import type { Step } from '../../src/plan/step.ts';
import { plainFacts } from '../host-facts.ts';
import { SimulatedMachine } from '../plan/simulated-machine.ts';

export class SimulatedHost implements MeshHost {
  machine: SimulatedMachine = new SimulatedMachine([]);
  listener: HostListener | undefined = undefined;
  /** `underlay`, `apply` and `remove` wait for this promise. */
  gate: Promise<void> = Promise.resolve();
  /** `apply` rejects with the error that this function returns, if any. */
  refusal: (desired: DesiredHost) => Error | undefined = () => undefined;
  underlayFailure: Error | undefined = undefined;
  troubles: readonly string[] = [];
  applies = 0;
  looks = 0;
  isClosed = false;
  readonly #log: (line: string) => void;
  #desired: DesiredHost | undefined = undefined;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  async underlay(): Promise<Underlay> {
    this.looks++;
    await this.gate;
    if (this.underlayFailure) throw this.underlayFailure;
    return plainFacts().underlay;
  }

  async apply(desired: DesiredHost): Promise<Applied> {
    await this.gate;
    if (this.isClosed) throw new Error('the host is closed');
    const refusal = this.refusal(desired);
    if (refusal) throw refusal;
    this.applies++;
    this.#desired = desired;
    const steps = this.#carryOut();
    if (steps.length > 0) this.#log(`host: ${desired.enforcement}`);
    return { steps, troubles: this.troubles };
  }

  watch(listener: HostListener): void {
    this.listener = listener;
  }

  /** Repairs the machine, as the real host does after another program has changed the machine. */
  isChangedBySomebody(): void {
    const steps = this.#carryOut();
    if (steps.length > 0) this.listener?.onRepaired(steps);
  }

  async remove(): Promise<Applied> {
    await this.gate;
    this.#desired = undefined;
    this.machine = new SimulatedMachine([]);
    this.#log('host: removed');
    return { steps: [], troubles: this.troubles };
  }

  close(): void {
    this.isClosed = true;
  }

  #carryOut(): Step[] {
    if (!this.#desired) return [];
    const steps = plan(this.#desired, this.machine);
    for (const step of steps) this.machine.do(step);
    return steps;
  }
}
