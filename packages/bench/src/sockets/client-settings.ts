/**
 * `ClientSettings`: what one client of `bench sockets` does, and `ClientAnswer`, what it measured.
 * The clients in Node.js and in Go read the settings and write the answer as JSON.
 *
 * @module
 */

/** What a client measures. */
export type ClientMode = 'down' | 'up' | 'http' | 'churn' | 'idle';

/** The settings of a client. */
export interface ClientSettings {
  readonly mode: ClientMode;
  /**
   * How the client reaches the server: with `@litz/net`, with `@litz/net` over node:dgram, or with
   * the sockets of the kernel. The program in Go has its own IP stack and does not read this field.
   */
  readonly transport: 'litz' | 'portable' | 'kernel';
  /** The wg-quick file of Litz. */
  readonly config?: string;
  /** A file with a request for the UAPI, for the program in Go. */
  readonly uapi?: string;
  /** The address of the client in the tunnel. */
  readonly address: string;
  /** The address of the server. */
  readonly target: string;
  readonly seconds: number;
  readonly connections: number;
  /** The process whose CPU time and peak memory are measured; default: the client. */
  readonly cpuOf?: number;
}

/** What a client measured. After a warm-up, it counts during a window of time. */
export interface ClientAnswer {
  /** Bytes, requests or connections in the window; for `idle`, bytes of memory. */
  readonly amount: number;
  /** The length of the window. */
  readonly seconds: number;
  /** The CPU time in the window. */
  readonly cpuSeconds: number;
  /** The largest resident memory in MB (10^6 bytes). */
  readonly peakMb: number;
}

/** The ports of the server. */
export const PORTS = { stream: 9000, web: 9001, hold: 9002, count: 9003 } as const;

/** The time before a window in ms: V8 compiles the code meanwhile. */
export const WARM_UP_MS = 2000;
