/**
 * `MeshRound`: computes everything from the current state and applies it once.
 * ```
 *   1. decide which key is used for what
 *   2. compute the network state that the machine needs
 *   3. program the daemon: keys, peers, and the firewall mark if the machine needs one
 *   4. apply the machine's state: routes, rules, filters; with `enforce`, even before the
 *      peers are known
 *   5. clear the daemon's mark if it is not needed: the routes that needed it are gone now
 *   6. publish this node's record
 *   7. save that `enforce` is in effect, and end a rotation that is complete
 * ```
 *
 * @module
 */
import type { Identities, KeysPlan } from '../keys/rotation.ts';
import type { DesiredHost, Enforcement } from '../plan/desired-host.ts';
import { LastResult } from '../plan/last-result.ts';
import type { NodeRecord } from '../record/node-record.ts';
import { listFirst } from '../status/format-status.ts';
import type { RoundParts } from './round-parts.ts';

export interface RoundOutcome {
  readonly plan: KeysPlan;
  /**
   * The daemon is connected, and the round had the facts that it needs to program the daemon and
   * the machine. Single steps on the machine may have failed: see `MeshMachine.hasFailed`.
   */
  readonly isApplied: boolean;
  /**
   * This round changed the keys that the daemon uses. The key rotation may have waited for this, so
   * another round is needed.
   */
  readonly isUnfinished: boolean;
  /** A rotation has ended and its old key is deleted. */
  readonly isRotated: boolean;
}

export class MeshRound {
  readonly #parts: RoundParts;
  readonly #record: LastResult<NodeRecord> = new LastResult();

  constructor(parts: RoundParts) {
    this.#parts = parts;
  }

  /**
   * Runs one round.
   *
   * @throws {MeshHostError} the machine cannot enforce
   */
  async run(): Promise<RoundOutcome> {
    const { events, choices, peers, daemon, machine, enforcedState } = this.#parts;
    peers.noteRenewals();
    const { identities } = daemon;
    const plan = this.#planKeys(identities);
    await machine.findUnderlay(peers.all);
    const enforcement = choices.effectiveEnforcement(peers);
    const changed = peers.takeChanged();
    let desired: DesiredHost | undefined;
    try {
      desired = this.#desire(enforcement, changed);
      events.trouble('enforce', enforcement === 'enforce' && !desired ? NOT_CLOSED : undefined);
      const dropped = enforcement === 'enforce' ? peers.sendingPlaintext : [];
      events.trouble('plaintext', dropped.length > 0 ? droppedText(dropped) : undefined);
      // Before the registry was read, it is unknown which of the daemon's peers must be removed.
      if (peers.isSynced) await this.#apply(plan, desired, changed);
      else if (enforcement === 'enforce') await this.#close(desired);
    } catch (error) {
      peers.putBack(changed);
      throw error;
    }
    this.#publish(plan);
    const isHeld = enforcement === 'enforce' && enforcement === choices.chosen.enforcement;
    if (isHeld) {
      choices.save(choices.chosen);
      if (desired && machine.request) enforcedState.save(machine.request);
    }
    return {
      plan,
      isApplied: peers.isSynced && desired !== undefined && daemon.isUp,
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
    const { machine, peers, choices, nodeFacts } = this.#parts;
    return machine.desire({
      mode: choices.chosen.mode,
      enforcement,
      peers: peers.all,
      answered: peers.answered,
      changed,
      prefixes: nodeFacts.prefixes,
      registryAddresses: nodeFacts.registryAddresses,
    });
  }

  async #apply(
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
    const { mark } = machine.applied;
    await daemon.program({ ...config, fwmark: desired?.mark || mark }, changed);
    if (!desired) return;
    await machine.apply(desired);
    if (desired.mark === 0) await daemon.program({ ...config, fwmark: 0 }, new Set());
  }

  /**
   * Enforces although the registry was not read yet. A machine that boots must not send packets in
   * plaintext, and the registry may never answer.
   */
  async #close(desired: DesiredHost | undefined): Promise<void> {
    if (desired) await this.#parts.machine.apply({ ...desired, isPartial: true });
  }

  #publish({ published }: KeysPlan): void {
    const { settings, choices, nodeFacts, ownRecord } = this.#parts;
    if (!published || !nodeFacts.prefixes) return;
    const { node, addresses, port } = settings;
    const { prefixes } = nodeFacts;
    const encryptsNode = settings.encryptsNode || choices.chosen.mode === 'all';
    const sendsPlaintext = choices.chosen.enforcement === 'off';
    const inputs = [prefixes, encryptsNode, sendsPlaintext, ...published];
    const record = this.#record.for(inputs, () => ({
      name: node,
      addresses,
      port,
      keys: published,
      prefixes: prefixes.map((prefix) => ({ ...prefix })),
      encryptsNode,
      sendsPlaintext,
      revoked: false,
    }));
    ownRecord.want(record);
  }

  #endRotation({ own, obsolete }: KeysPlan): boolean {
    if (!obsolete) return false;
    this.#parts.keys.forget(obsolete);
    this.#parts.events.log(`the rotation has ended: the key is generation ${own.generation}`);
    return true;
  }
}

function isSameIdentity(a: Identities | undefined, b: Identities | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && identityText(a) === identityText(b));
}

function identityText({ own, next }: Identities): string {
  return `${own?.toBase64()} ${next?.toBase64()}`;
}

/** Returns why packets of peers are dropped, with the names of the first peers. */
function droppedText(peers: readonly string[]): string {
  return `enforcement is off on ${listFirst(peers)}, so ${PLAINTEXT_IS_DROPPED}`;
}

const PLAINTEXT_IS_DROPPED =
  'packets from there come in plaintext, and this node drops them, because it enforces. ' +
  'Switch that node or this node to permissive';
const NOT_CLOSED =
  "it is not in effect yet: the prefixes of this node's pods or the addresses of the registry " +
  'are not known';
