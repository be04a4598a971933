/**
 * `UdpOptions`: the options of `openUdp`, their checks and defaults.
 *
 * @module
 */
import { checkFlag, checkFunction, checkInteger, checkObject } from '@litz/sys';
import type { SendCallbacks } from './send-queue.ts';
import type { SuspectSources } from './suspect-sources.ts';

/** The options of `openUdp`. */
export interface UdpOptions extends SendCallbacks {
  /** 0 to 65535; 0 chooses a port that is free for both families. */
  port: number;
  /** Binds to loopback only, so that the port cannot be reached from the network. Default false. */
  loopbackOnly?: boolean;
  /** SO_MARK of all datagrams, 0 to 2^32 - 1; 0: none. Default 0. Needs CAP_NET_ADMIN. */
  mark?: number;
  /**
   * Passes several datagrams of one length to the kernel as one message, which the kernel splits
   * (UDP_SEGMENT). Default false.
   */
  gso?: boolean;
  /** Lets the kernel coalesce received datagrams (UDP_GRO). Default false. */
  gro?: boolean;
  /** Bytes of the kernel's receive buffer and of its send buffer. Default 7 MiB. */
  bufferBytes?: number;
  /**
   * How many messages a receive call can take; each has a slot of 65536 bytes. A message is one
   * datagram. If `gro` is true, it may also be several datagrams that the kernel has coalesced.
   * Default: 8 if `gro` is true, and 64 if not.
   */
  slots?: number;
  /**
   * Sticky sources that may be wrong after a change of routes. They are checked before they are
   * used. Default: none are checked.
   */
  suspects?: SuspectSources;
  /**
   * Memory for received datagrams: `slots` * 65536 bytes from `offset` on, used until close. The
   * sink gets this buffer. Default: new memory. Only the pages that are used take physical memory.
   */
  memory?: { buffer: Uint8Array; offset: number };
}

/**
 * Returns the default number of slots, for a caller that provides the memory: 8 if `gro` is true,
 * and 64 if not. Each slot needs `SLOT_LENGTH` bytes. Coalesced messages hold many datagrams, so
 * fewer slots are needed with `gro`.
 */
export function defaultSlots(options: { gro?: boolean } = {}): number {
  return options.gro ? 8 : 64;
}

/**
 * Checks the options of `openUdp`, except the number of slots.
 *
 * @throws {TypeError | RangeError} an option has a wrong type or is out of range
 */
export function checkUdpOptions(options: UdpOptions): void {
  checkObject('options', options);
  checkInteger('port', options.port, 0, 0xffff);
  if (options.mark !== undefined) checkMark(options.mark);
  checkFlag('loopbackOnly', options.loopbackOnly);
  checkFlag('gso', options.gso);
  checkFlag('gro', options.gro);
  const { bufferBytes, memory, suspects } = options;
  if (bufferBytes !== undefined) checkInteger('bufferBytes', bufferBytes, 0, 0x7fff_ffff);
  if (memory !== undefined) checkObject('memory', memory);
  if (suspects !== undefined) checkObject('suspects', suspects);
  for (const name of ['onSendError', 'onSourceLost', 'onOffloadLost'] as const) {
    if (options[name] !== undefined) checkFunction(name, options[name]);
  }
}

/** @throws {TypeError | RangeError} `mark` is not an integer from 0 to 2^32 - 1 */
export function checkMark(mark: number): void {
  checkInteger('mark', mark, 0, 0xffff_ffff);
}
