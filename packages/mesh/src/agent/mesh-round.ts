/**
 * `MeshRound`: everything that follows from the present state, done once.
 *
 * ```
 *   1. which keys are used for what
 *   2. how the machine is to look
 *   3. the daemon: keys, peers, and the mark if the machine is to have one
 *   4. the machine: routes, rules, filters; of an `enforce` also while the peers are not known
 *   5. the daemon again, if the mark is to go: routes that need it are gone by now
 *   6. the own record
 *   7. what ends with that: a rotation, the waiting for `enforce`
 * ```
 * @module
 */
import type { Identities, KeysPlan } from '../keys/rotation.ts';
import type { DesiredHost, Enforcement } from '../plan/desired-host.ts';
import type { RoundParts } from './round-parts.ts';

export interface RoundOutcome {
  readonly plan: KeysPlan;
  /** Daemon and machine have all that is known. */
  readonly isLaid: boolean;
  /** The daemon has learnt an identity, which may be what the keys waited for: one more round. */
  readonly isUnfinished: boolean;
  /** A rotation is over, and its old key is deleted. */
  readonly isRotated: boolean;
}

export class MeshRound {
  readonly #parts: RoundParts;

  constructor(parts: RoundParts) {
    this.#parts = parts;
  }

  /** @throws {MeshHostError} `enforce` can't be held on this machine */
  async run(): Promise<RoundOutcome> {
    const { events, switches, peers, daemon, machine, surroundings } = this.#parts;
    peers.noteRenewals();
    const { identities } = daemon;
    const plan = this.#planKeys(identities);
    await machine.look({ peers: peers.all, prefixes: surroundings.prefixes });
    const enforcement = switches.holding(peers);
    const changed = peers.takeChanged();
    let desired: DesiredHost | undefined;
    try {
      desired = this.#desire(enforcement, changed);
      events.trouble('enforce', enforcement === 'enforce' && !desired ? NOT_CLOSED : undefined);
      // Until they were read, nobody knows which of the daemon's peers are to go.
      if (peers.isSynced) await this.#lay(plan, desired, changed);
      else if (enforcement === 'enforce') await this.#close(desired);
    } catch (error) {
      peers.putBack(changed);
      throw error;
    }
    this.#publish(plan);
    const isHeld = enforcement === 'enforce' && enforcement === switches.chosen.enforcement;
    if (isHeld) switches.save(switches.chosen);
    return {
      plan,
      isLaid: peers.isSynced && desired !== undefined && daemon.isUp,
      isUnfinished: !isSameIdentity(identities, daemon.identities),
      isRotated: this.#endRotation(plan),
    };
  }

  #planKeys(daemon: Identities | undefined): KeysPlan {
    const { keys, ownRecord, peers } = this.#parts;
    return keys.plan({
      recordKeys: ownRecord.keys,
      daemon,
      unanswered: (own) => peers.sessions.withoutSessionOf(own),
    });
  }

  #desire(enforcement: Enforcement, changed: ReadonlySet<string>): DesiredHost | undefined {
    const { machine, peers, switches, surroundings } = this.#parts;
    return machine.desire({
      mode: switches.chosen.mode,
      enforcement,
      peers: peers.all,
      answered: peers.answered,
      changed,
      prefixes: surroundings.prefixes,
      registryAddresses: surroundings.registryAddresses,
    });
  }

  async #lay(
    plan: KeysPlan,
    desired: DesiredHost | undefined,
    changed: ReadonlySet<string>,
  ): Promise<void> {
    const { settings, peers, daemon, machine } = this.#parts;
    const config = {
      own: plan.own.publicKey,
      next: plan.next?.publicKey,
      listenPort: settings.port,
      peers: peers.tunnelPeers(changed, settings.persistentKeepalive),
    };
    const { mark } = machine.laid;
    await daemon.program({ ...config, fwmark: desired?.mark || mark }, changed);
    if (!desired) return;
    await machine.apply(desired);
    if (desired.mark === 0) await daemon.program({ ...config, fwmark: 0 }, new Set());
  }

  /** A machine that comes up is closed before the registry is read, which may take for ever. */
  async #close(desired: DesiredHost | undefined): Promise<void> {
    if (desired) await this.#parts.machine.apply({ ...desired, isPartial: true });
  }

  #publish({ published }: KeysPlan): void {
    const { settings, switches, surroundings, ownRecord } = this.#parts;
    if (!published || !surroundings.prefixes) return;
    const { node, addresses, port, encryptsNode } = settings;
    ownRecord.want({
      name: node,
      addresses,
      port,
      keys: published,
      prefixes: surroundings.prefixes.map((prefix) => ({ ...prefix })),
      encryptsNode: encryptsNode || switches.chosen.mode === 'all',
      revoked: false,
    });
  }

  #endRotation({ own, obsolete }: KeysPlan): boolean {
    if (!obsolete) return false;
    this.#parts.keys.forget(obsolete);
    this.#parts.events.say(`the rotation is over: generation ${own.generation} is the key`);
    return true;
  }
}

function isSameIdentity(a: Identities | undefined, b: Identities | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && identityText(a) === identityText(b));
}

function identityText({ own, next }: Identities): string {
  return `${own?.toBase64()} ${next?.toBase64()}`;
}

const NOT_CLOSED =
  'it does not hold yet: the prefixes of the own pods, or the addresses of the registry, are not known';
