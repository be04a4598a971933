/**
 * `MeshStatus`: what an agent reports about its node and its peers. It is plain data for
 * `JSON.stringify`: `litz agent status --json`, `/status.json` of the page and the page's events
 * all have this form. Undefined fields are missing in the JSON. A status never contains a private
 * key.
 *
 * Times are Unix milliseconds. Numbers of bytes are the sizes of whole messages, as WireGuard
 * counts them. An age is `time` minus another time of the status. Two ages are often confused: a
 * *session* comes from a handshake and is renewed every two minutes while there is traffic; a node
 * *key* is as old as the node's last rotation.
 *
 * @module
 */
import type { Enforcement, EncryptMode } from '../plan/desired-host.ts';

/**
 * The state of an agent, its node and all peers, as `Agent.status` returns it. It is plain data
 * that JSON can carry. Times are Unix time in milliseconds.
 */
export interface MeshStatus {
  /** The version of the format. A new field does not change the version. */
  readonly version: 1;
  /** When the status was made. */
  readonly time: number;
  /** When the agent started. */
  readonly startedAt: number;
  readonly node: NodeStatus;
  readonly interface: InterfaceStatus;
  readonly registry: RegistryStatus;
  /** Sorted by name; nodes whose record was refused are included. */
  readonly peers: readonly PeerStatus[];
  /** The latest events, the oldest first; their number is limited. */
  readonly events: readonly StatusEvent[];
  /** Present problems of the node as a whole, one sentence each. */
  readonly troubles: readonly string[];
}

/** The node that the agent runs on. */
export interface NodeStatus {
  readonly name: string;
  /** Addresses on the underlay. */
  readonly addresses: readonly string[];
  /** Prefixes of its pods. */
  readonly prefixes: readonly string[];
  readonly clusterPrefixes: readonly string[];
  readonly mode: EncryptMode;
  /** The enforcement that is applied now. */
  readonly enforcement: Enforcement;
  /**
   * The enforcement that the user wants. `enforce` is applied when every peer has answered and
   * encrypts.
   */
  readonly wantedEnforcement: Enforcement;
  /**
   * Whether traffic of the node itself is encrypted. `opted-out`: the mode includes it, but
   * `--opt-out` or a label of the node excludes it.
   */
  readonly nodeEncryption: 'enabled' | 'opted-out' | 'disabled';
  /** One key; during a rotation two, the older one first. */
  readonly keys: readonly KeyStatus[];
  /** Undefined while no rotation of the key is in progress. */
  readonly rotation: RotationStatus | undefined;
  /**
   * Rules for connections that bypass the tunnel, so that the registry can always be reached:
   * `IPv4 priority 899: to 10.0.0.1/32 ipproto tcp dport 6443 lookup main`.
   */
  readonly exceptions: readonly string[];
}

/** A static key of a node. Times are Unix time in milliseconds. */
export interface KeyStatus {
  /** 32 bytes in base64. */
  readonly publicKey: string;
  /** Rises by one with each rotation. */
  readonly generation: number;
  /** 0: unknown. */
  readonly createdAt: number;
}

/** A rotation of the node's key that is in progress. */
export interface RotationStatus {
  readonly startedAt: number;
  /** The present step of the rotation, in words. */
  readonly step: string;
  /** Names of the peers that have no session with the new key yet. */
  readonly waitingFor: readonly string[];
}

/** The daemon's interface. */
export interface InterfaceStatus {
  readonly name: string;
  /** UDP port of the daemon. */
  readonly port: number;
  /** False if no daemon answers, or if its interface does not exist. */
  readonly isUp: boolean;
  readonly mtu: number | undefined;
  /** Addresses with prefix length. */
  readonly addresses: readonly string[];
}

/** The state of the connection to the registry. */
export interface RegistryStatus {
  /** Kind and place of the registry: `file:/shared/nodes`. */
  readonly description: string;
  /** Why the registry does not answer; undefined: it answers. */
  readonly trouble: string | undefined;
  /** When all records were read last; undefined: never. */
  readonly syncedAt: number | undefined;
}

/**
 * `connected`: the peer has a session, or had one and is silent now. `waiting`: the peer is known
 * and has not answered yet. `refused`: the peer's record is not valid, or the agent must not use
 * it.
 */
export type PeerState = 'connected' | 'waiting' | 'refused';

/** The state of a peer, or of a node whose record is refused. */
export interface PeerStatus {
  readonly name: string;
  readonly state: PeerState;
  /**
   * Why the peer waits or is refused. For a connected peer: what is wrong with its record, or that
   * its enforcement is off. Undefined if nothing is wrong with a connected peer.
   */
  readonly reason: string | undefined;
  /**
   * Whether the registry still has the record of this peer. False if the lease of the record ran
   * out, or if the registry lost the record.
   */
  readonly isListed: boolean;
  /**
   * The endpoint that the last message of the peer came from, such as `192.0.2.2:51871`. Before the
   * first message: the endpoint in the peer's record.
   */
  readonly endpoint: string | undefined;
  /** Addresses of the node itself. */
  readonly addresses: readonly string[];
  /** The prefixes of its pods that this agent accepted. */
  readonly prefixes: readonly string[];
  /** Whether packets to the addresses of the peer go through the tunnel in the mode `nodes`. */
  readonly encryptsNode: boolean;
  /**
   * True if the peer encrypts nothing that it sends, because its enforcement is `off`. With
   * `enforce`, this node drops the packets of the peer.
   */
  readonly sendsPlaintext: boolean;
  /**
   * Time of the last handshake; undefined: there was none. The age of the session is `time` minus
   * this time.
   */
  readonly lastHandshakeAt: number | undefined;
  /** The peer's public key in the session. */
  readonly sessionKey: string | undefined;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** One key; two while the peer rotates its key, the older one first. */
  readonly keys: readonly KeyStatus[];
}

/** A line of the agent's log. */
export interface StatusEvent {
  readonly at: number;
  readonly level: 'info' | 'warning' | 'error';
  /** Name of the peer that the event is about; undefined: it is about no peer. */
  readonly peer: string | undefined;
  /** One sentence. */
  readonly text: string;
}

/** An object that returns the status; `Agent` is one. */
export interface StatusSource {
  /**
   * Returns the status. Does not reject if the daemon or the registry is missing: the status says
   * so.
   */
  status(): MeshStatus | Promise<MeshStatus>;
}
