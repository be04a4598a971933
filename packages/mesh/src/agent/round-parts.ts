/**
 * `RoundParts`: creates the parts of an agent and connects them.
 *
 * @module
 */
import type { DaemonClient, DaemonListener } from '../daemon/daemon-client.ts';
import { TunnelDaemon } from '../daemon/tunnel-daemon.ts';
import type { MeshHost } from '../host/mesh-host.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { Registry } from '../registry/registry.ts';
import type { AgentSettings } from './agent-settings.ts';
import { EnforcedState } from './enforced-state.ts';
import { EventLog } from './event-log.ts';
import { KnownPeers } from './known-peers.ts';
import { MeshMachine } from './mesh-machine.ts';
import { NodeKeys } from './node-keys.ts';
import { OwnRecord } from './own-record.ts';
import { PeerMemory } from './peer-memory.ts';
import type { PrefixSource } from './prefix-source.ts';
import { StatusPublisher } from './status-publisher.ts';
import { NodeFacts } from './node-facts.ts';
import { AgentChoices } from './agent-choices.ts';

/** What the caller of `Agent` provides. */
export interface AgentParts {
  readonly registry: Registry;
  readonly host: MeshHost;
  readonly client: DaemonClient;
  readonly prefixes: PrefixSource;
  readonly keys: KeyStore;
  /** Called with one line of text for each event. */
  readonly log: (line: string) => void;
  /** Unix time in milliseconds. */
  readonly now?: () => number;
}

/** The parts that a round reads and changes. */
export interface RoundParts {
  readonly settings: AgentSettings;
  readonly events: EventLog;
  readonly choices: AgentChoices;
  readonly keys: NodeKeys;
  readonly peers: KnownPeers;
  readonly memory: PeerMemory;
  readonly enforcedState: EnforcedState;
  readonly nodeFacts: NodeFacts;
  readonly daemon: TunnelDaemon;
  readonly machine: MeshMachine;
  readonly ownRecord: OwnRecord;
  readonly ownStatus: StatusPublisher;
}

/** Receives the requests for a round. */
export interface RoundRequests {
  /** Requests a round soon, together with other changes. */
  request(): void;
  requestNow(): void;
}

/**
 * Creates the parts of an agent. Creates the node's key at the first start.
 *
 * @throws {KeyFileError} the key file cannot be used or created
 * @throws {SavedChoicesError} the saved choices cannot be read
 */
export function makeRoundParts(
  settings: AgentSettings,
  given: AgentParts,
  requests: RoundRequests,
): RoundParts {
  const { registry, prefixes, now = Date.now } = given;
  const events = new EventLog(given.log, now);
  const keys = nodeKeys(settings, given.keys, events, now);
  const nodeFacts = new NodeFacts({
    settings,
    keys,
    prefixes,
    registry,
    events,
    onChanged: () => peers.changeContext(nodeFacts.context),
  });
  const machine = new MeshMachine(given.host, settings, events);
  const { memory, enforcedState } = storedState(settings, events);
  const peers = new KnownPeers({
    memory,
    registry,
    context: nodeFacts.context,
    events,
    now,
    onChanged: () => {
      machine.notePeers(peers.all.size);
      requests.request();
    },
  });
  const daemon = tunnelDaemon(given.client, { events, keys, peers }, requests);
  const ownRecord = new OwnRecord({ registry, events, onPublished: () => requests.request() });
  const choices = new AgentChoices(settings);
  const ownStatus = new StatusPublisher({ registry, node: settings.node, events });
  return {
    settings,
    events,
    choices,
    keys,
    peers,
    memory,
    enforcedState,
    nodeFacts,
    daemon,
    machine,
    ownRecord,
    ownStatus,
  };
}

function nodeKeys(
  { rotateTimeoutMs }: AgentSettings,
  store: KeyStore,
  events: EventLog,
  now: () => number,
): NodeKeys {
  return new NodeKeys({ store, rotateTimeoutMs, now, log: (line) => events.log(line) });
}

/**
 * Creates the parts that store the peers, and what this node enforces, for the next start of the
 * agent.
 */
function storedState(
  { stateFolder, interfaceName }: AgentSettings,
  events: EventLog,
): Pick<RoundParts, 'memory' | 'enforcedState'> {
  const memory = new PeerMemory(stateFolder, interfaceName, (trouble) =>
    events.trouble('memory', trouble),
  );
  const enforcedState = new EnforcedState(stateFolder, interfaceName, (trouble) =>
    events.trouble('enforced state', trouble),
  );
  return { memory, enforcedState };
}

function tunnelDaemon(
  client: DaemonClient,
  parts: Pick<RoundParts, 'events' | 'keys' | 'peers'>,
  requests: RoundRequests,
): TunnelDaemon {
  return new TunnelDaemon({
    client,
    privateKeyOf: (publicKey) => parts.keys.privateKeyOf(publicKey),
    listener: daemonListener(parts, requests),
  });
}

function daemonListener(
  { events, keys, peers }: Pick<RoundParts, 'events' | 'keys' | 'peers'>,
  requests: RoundRequests,
): DaemonListener {
  return {
    onUp: () => {
      events.log('connected to the daemon');
      requests.requestNow();
    },
    onDown: (reason) => {
      peers.loseSessions();
      events.log(`lost the connection to the daemon: ${reason}`);
      requests.requestNow();
    },
    onPeers: (changes, isResync) => {
      const { answeredChanged, isAboutPeers } = peers.takeChanges(changes, isResync);
      // A rotation may be waiting for a session with the new key.
      const isRotating = keys.keys.length > 1;
      if (answeredChanged || (isRotating && isAboutPeers)) requests.request();
    },
    onTrouble: (trouble) => events.trouble('daemon', trouble),
  };
}
