/**
 * `ProxySettings`: what one `litz proxy` does. The command line and the configuration file are read
 * into this form.
 *
 * @module
 */
import type { ListenAddress, Target } from './addresses.ts';
import type { Credentials } from './credentials.ts';

/** A SOCKS5 or HTTP proxy, which listens on an address of the machine. */
export interface ProxyService {
  readonly type: 'socks5' | 'http';
  readonly listen: ListenAddress;
  /** Undefined: no password is asked for. */
  readonly credentials: Credentials | undefined;
  readonly origin: string;
}

/** A port that leads to one target: `forward` into the tunnel, `expose` out of it. */
export interface PortService {
  readonly type: 'forward' | 'expose';
  readonly protocol: 'tcp' | 'udp';
  /** For `forward` an address of the machine, for `expose` one inside the tunnel. */
  readonly listen: ListenAddress;
  readonly target: Target;
  /** For UDP: a client is forgotten when no datagram has passed for this time. 0: never. */
  readonly idleMs?: number;
  readonly origin: string;
}

/** Standard input and output as a connection. */
export interface StdioService {
  readonly type: 'stdio';
  readonly target: Target;
  readonly origin: string;
}

/**
 * One thing that a proxy does. `origin` is where the user asked for it, for errors: `--socks5
 * 1080`, or `proxy.conf:12: [Socks5]`.
 */
export type Service = ProxyService | PortService | StdioService;

/** Everything that a proxy does, apart from the tunnel. */
export interface ProxySettings {
  readonly services: readonly Service[];
  /** Where /readyz and /metrics are served; undefined: nowhere. */
  readonly info: ListenAddress | undefined;
  /** The largest number of connections at the same time, of all services together. */
  readonly maxConnections: number;
  /** Addresses inside the tunnel that must answer a ping; /readyz depends on them. */
  readonly checkAlive: readonly string[];
  readonly checkAliveMs: number;
}
