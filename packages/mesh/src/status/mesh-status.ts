/**
 * `MeshStatus`: what an agent says of its node and its peers. Plain data that `JSON.stringify` writes as
 * it stands: `litz agent status --json`, `/status.json` of the page and the page's events are all this.
 * What is undefined is not in the JSON. It never has a private key.
 *
 * Times are Unix milliseconds, bytes are those of the inner packets' messages as WireGuard counts them.
 * Ages are not in it: they are `time` minus the time of what is meant, and there are two that people mix
 * up. A *session* is made by a handshake and renewed every two minutes while there is traffic; a *key* is
 * the node's own and as old as the last rotation.
 *
 * @module
 */
import type { Enforcement, EncryptMode } from '../plan/desired-host.ts';

export interface MeshStatus {
  /** Of this form. A field that is added doesn't change it. */
  readonly version: 1;
  /** When this was true. */
  readonly time: number;
  /** When the agent started. */
  readonly startedAt: number;
  readonly node: NodeStatus;
  readonly interface: InterfaceStatus;
  readonly registry: RegistryStatus;
  /** Sorted by name. Those that the registry has and that were refused are among them. */
  readonly peers: readonly PeerStatus[];
  /** What happened lately, the oldest first; a bounded number. */
  readonly events: readonly StatusEvent[];
  /** One sentence each: what is wrong now, of the node as a whole. */
  readonly troubles: readonly string[];
}

/** The own node. */
export interface NodeStatus {
  readonly name: string;
  /** Addresses of the underlay. */
  readonly addresses: readonly string[];
  /** Of its pods. */
  readonly prefixes: readonly string[];
  readonly clusterPrefixes: readonly string[];
  readonly mode: EncryptMode;
  /** What holds now. */
  readonly enforcement: Enforcement;
  /** What was asked for. `enforce` waits until every peer has answered. */
  readonly wantedEnforcement: Enforcement;
  /** Whether traffic of the node itself is encrypted. `opted-out`: the mode would, a label says no. */
  readonly nodeEncryption: 'enabled' | 'opted-out' | 'disabled';
  /** One key; two during a rotation, the older one first. */
  readonly keys: readonly KeyStatus[];
  /** Undefined: none is going on. */
  readonly rotation: RotationStatus | undefined;
  /** Flows that go without the tunnel so that the registry stays reachable: `tcp to 10.0.0.1 port 6443`. */
  readonly exceptions: readonly string[];
}

export interface KeyStatus {
  /** Base64. */
  readonly publicKey: string;
  readonly generation: number;
  readonly createdAt: number;
}

export interface RotationStatus {
  readonly startedAt: number;
  /** What it waits for, in words. */
  readonly step: string;
  /** Names of the peers that haven't answered the new key. */
  readonly waitingFor: readonly string[];
}

/** The daemon's interface. */
export interface InterfaceStatus {
  readonly name: string;
  /** UDP. */
  readonly port: number;
  /** False: no daemon answers, or its interface is gone. */
  readonly isUp: boolean;
  readonly mtu: number | undefined;
  /** With prefix length. */
  readonly addresses: readonly string[];
}

export interface RegistryStatus {
  /** `file:/shared/nodes`. */
  readonly description: string;
  /** Undefined: the registry answers. */
  readonly trouble: string | undefined;
  /** When all of it was read last; undefined: never. */
  readonly syncedAt: number | undefined;
}

/**
 * `connected`: it has a session, or had one and may be silent. `waiting`: it is known and has not answered.
 * `refused`: its record can't be used, or nothing of it may.
 */
export type PeerState = 'connected' | 'waiting' | 'refused';

export interface PeerStatus {
  readonly name: string;
  readonly state: PeerState;
  /** Why it waits or is refused; of a connected one, what else is wrong with its record. */
  readonly reason: string | undefined;
  /** The registry still has its record. False: its lease ran out, or the registry was lost. */
  readonly isListed: boolean;
  /** `192.0.2.2:51871`, where it was heard last, else as its record says. */
  readonly endpoint: string | undefined;
  /** Of the node itself. */
  readonly addresses: readonly string[];
  /** Those that are its own by now; what was refused isn't among them. */
  readonly prefixes: readonly string[];
  readonly encryptsNode: boolean;
  /** Its session's age is `time` minus this; undefined: there was none. */
  readonly lastHandshakeAt: number | undefined;
  /** Public key that its session was made with. */
  readonly sessionKey: string | undefined;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** One key; two while the peer rotates; the older one first. */
  readonly keys: readonly KeyStatus[];
}

export interface StatusEvent {
  readonly at: number;
  readonly level: 'info' | 'warning' | 'error';
  /** The peer that it is about. */
  readonly peer: string | undefined;
  /** One sentence. */
  readonly text: string;
}

/** Who can tell. */
export interface StatusSource {
  /** Never rejects for want of a daemon or a registry: that is what it tells. */
  status(): MeshStatus | Promise<MeshStatus>;
}
