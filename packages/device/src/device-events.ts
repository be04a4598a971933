/**
 * `DeviceEvents`: the events of a device, with their fields.
 *
 * @module
 */
import type { DropReason, Endpoint, PublicKey, SessionStaticKeys, TraceStep } from '@litz/core';

/**
 * The events of a `Device`, each with the arguments of its listeners. All objects are copies that
 * belong to the listener.
 *
 * `drop`, `handshake`, `handshake-failed`, `peer`, `roam`, `session`, `trace` and `unanswered` are
 * made only while they have a listener, or a subscriber (`DeviceDiagnostics`). If `error` has no
 * listener, the error is thrown, as every `EventEmitter` does.
 */
export interface DeviceEvents {
  /**
   * A handshake completed. `role`: which end began it. `keys`: the static keys that the two ends
   * used. `durationMs`: from the initiation to the response; absent for a responder.
   */
  handshake: [
    {
      readonly peer: PublicKey;
      readonly role: 'initiator' | 'responder';
      readonly keys: SessionStaticKeys;
      readonly durationMs?: number;
    },
  ];
  /**
   * State of the session with a peer. `up`: packets can be sent to the peer. `renewed`: the session
   * has newer keys. `expired`: no packets can be sent before there is a new session.
   */
  session: [{ readonly peer: PublicKey; readonly state: 'up' | 'renewed' | 'expired' }];
  /**
   * The address or port of the peer changed. Emitted at most once per second for each peer; if the
   * endpoint changed several times, the event has the last endpoint.
   */
  roam: [
    {
      readonly peer: PublicKey;
      readonly endpoint: Endpoint;
      readonly previous: Endpoint | undefined;
    },
  ];
  /**
   * A handshake was given up after Rekey-Attempt-Time. The packets that waited for it are dropped.
   */
  'handshake-failed': [{ readonly peer: PublicKey }];
  /**
   * The name of a peer's endpoint should be looked up, because at least two initiations in a row
   * were not answered, or because the peer has a name and no endpoint. `endpoint`: the present
   * endpoint. Emitted with each further initiation, and only for peers with an `endpointName`.
   * `EndpointRefresh` of `@litz/device/quick` listens to it.
   */
  unanswered: [
    {
      readonly peer: PublicKey;
      readonly endpointName: string;
      readonly endpoint: Endpoint | undefined;
    },
  ];
  /**
   * Packets or messages were dropped. `count`: how many since the last event of this reason.
   * Emitted at most once per second for each reason. `peer` is the last known peer, and `source` is
   * the last known source; they may belong to different drops. The source is not authenticated.
   */
  drop: [
    {
      readonly reason: DropReason;
      readonly count: number;
      readonly peer?: PublicKey;
      readonly source?: Endpoint;
    },
  ];
  /**
   * One step in the life of a peer, for a log: a handshake message, a retry, new keys, the peer
   * added or removed. `sends`: how many initiations the current handshake attempt has sent.
   */
  trace: [{ readonly peer: PublicKey; readonly step: TraceStep; readonly sends: number }];
  /**
   * A peer was added, got an endpoint, completed a handshake, changed its endpoint (at most once
   * per second, as for `roam`), or was removed. The fields are the new values.
   */
  peer: [
    {
      readonly peer: PublicKey;
      readonly change: 'updated' | 'removed';
      readonly endpoint: Endpoint | undefined;
      /** Unix time in ms; 0 if there was no handshake. */
      readonly lastHandshakeUnixMs: number;
      /** The static keys of the session with which packets are sent; absent if there is none. */
      readonly sessionStaticKeys?: SessionStaticKeys;
    },
  ];
  /** The link went up and the sockets are open. */
  up: [{ readonly listenPort: number }];
  /** The link went down: the sockets are closed and the sessions are gone. */
  down: [];
  /** The MTU of the interface changed. `mtu`: maximum length of an inner packet, in bytes. */
  mtu: [{ readonly mtu: number }];
  /**
   * An offload that was requested is off, because the kernel cannot do it or does it wrong. Emitted
   * once for each offload.
   */
  offload: [{ readonly name: 'tunTcp' | 'tunUdp' | 'udpGso' | 'udpGro'; readonly reason: string }];
  /**
   * An error. `ERR_LITZ_WORKER`: the packet loop crashed, and 'close' follows. After any other
   * error the device continues without the part that failed, for instance without sockets if the
   * port was taken when the link went up.
   */
  error: [error: Error];
  /** Everything is released: after `close`, after a crash, or because the interface was deleted. */
  close: [];
}
