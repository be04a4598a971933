/**
 * `ProxyCounts`: what the services of a proxy have done, for /metrics and for tests.
 *
 * @module
 */
import type { Service } from './settings.ts';

/** The names of the services. They are labels of metrics. */
export type ServiceName = Service['type'];

/** Why a client was refused. The reasons are labels of metrics. */
export type RefusalReason =
  | 'garbage'
  | 'no-password'
  | 'not-supported'
  | 'silent'
  | 'too-many'
  | 'wrong-password';

/** Counters of all services of one kind. They only rise, except `open`. */
export class ServiceCounts {
  /** Connections and UDP sessions that are open. */
  open = 0;
  /** Connections and UDP sessions that were opened. */
  opened = 0;
  /** Bytes from clients to targets. */
  bytesForth = 0;
  /** Bytes from targets to clients. */
  bytesBack = 0;
  /** Datagrams that were passed on, in both directions. */
  datagrams = 0;
  /** Datagrams that could not be passed on. */
  datagramsDropped = 0;
  /** Clients that were refused, by reason. */
  readonly refused: Map<RefusalReason, number> = new Map();
  /** Targets that could not be reached, by the code of the error. */
  readonly failed: Map<string, number> = new Map();

  refuse(reason: RefusalReason): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }

  /** Counts a target that could not be reached. */
  fail(error: unknown): void {
    const code = codeOf(error);
    this.failed.set(code, (this.failed.get(code) ?? 0) + 1);
  }
}

/** Counters of all services, one set for each kind. */
export class ProxyCounts {
  readonly services: ReadonlyMap<ServiceName, ServiceCounts> = new Map(
    SERVICE_NAMES.map((name) => [name, new ServiceCounts()]),
  );

  of(name: ServiceName): ServiceCounts {
    return this.services.get(name)!;
  }
}

/** Returns the code of a system error: 'ECONNREFUSED'. 'unknown' if there is none. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,40}$/.test(code) ? code : 'unknown';
}

/** All kinds of services. */
export const SERVICE_NAMES: readonly ServiceName[] = [
  'socks5',
  'http',
  'forward',
  'expose',
  'stdio',
];
