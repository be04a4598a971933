/**
 * `CaptureOptions`: what a capture records, and the check of the options.
 *
 * @module
 */
import type { PublicKey } from '@litz/core';
import {
  checkArray,
  checkBoolean,
  checkInteger,
  checkObject,
  describe,
  quote,
  readPublicKey,
} from '@litz/core/internals';

/**
 * The options of `Device.capture`. A packet of a capture is an IP packet of the interface, or a
 * datagram with its IP and UDP headers.
 */
export interface CaptureOptions {
  /** Only packets of these peers. Default: all packets, also those that belong to no peer. */
  peers?: readonly (string | PublicKey)[];
  /** 'inner': IP packets of the interface. 'outer': datagrams of WireGuard. Default 'both'. */
  side?: 'inner' | 'outer' | 'both';
  /** How many bytes of a packet are kept, 64 to 262144. Default: all. */
  snapLength?: number;
  /**
   * Writes the key log of WireGuard into the capture, and starts a handshake with each captured
   * peer.
   *
   * WHOEVER READS THIS CAPTURE CAN DECRYPT THE SESSIONS, AND HAS THE PRIVATE KEY OF THE DEVICE.
   * Default false.
   */
  keyLog?: boolean;
  /** Memory for packets that wait for the reader, in bytes: 256 KiB to 1 GiB. Default 8 MiB. */
  bufferLength?: number;
}

/** The options of a capture after the check, with the defaults. */
export interface CaptureFilter {
  readonly peers: readonly PublicKey[] | undefined;
  readonly inner: boolean;
  readonly outer: boolean;
  readonly snapLength: number;
  readonly keyLog: boolean;
  readonly bufferLength: number;
}

/**
 * Checks the options, and returns them with the defaults.
 *
 * @throws {TypeError | RangeError | WireGuardError} an option is wrong; the message names it
 */
export function readCaptureOptions(options: CaptureOptions): CaptureFilter {
  checkObject(options, 'options', OPTIONS);
  const { peers, side = 'both', snapLength = LARGEST_SNAP_LENGTH, keyLog = false } = options;
  const { bufferLength = DEFAULT_BUFFER_LENGTH } = options;
  if (peers !== undefined) checkArray(peers, 'peers');
  if (!SIDES.includes(side)) {
    const given: unknown = side;
    const got = typeof given === 'string' ? quote(given) : describe(given);
    throw new TypeError(`"side" expected 'inner', 'outer' or 'both', got ${got}`);
  }
  checkInteger(snapLength, 'snapLength', SMALLEST_SNAP_LENGTH, LARGEST_SNAP_LENGTH);
  checkBoolean(keyLog, 'keyLog');
  checkInteger(bufferLength, 'bufferLength', SMALLEST_BUFFER_LENGTH, LARGEST_BUFFER_LENGTH);
  return {
    peers: peers?.map((peer, index) => readPublicKey(peer, `peers[${index}]`)),
    inner: side !== 'outer',
    outer: side !== 'inner',
    snapLength,
    keyLog,
    bufferLength,
  };
}

/** The limits of `snapLength`. 262144 is the default of tcpdump. */
const SMALLEST_SNAP_LENGTH = 64;
const LARGEST_SNAP_LENGTH = 262_144;

const SIDES: readonly string[] = ['inner', 'outer', 'both'];
const OPTIONS = ['peers', 'side', 'snapLength', 'keyLog', 'bufferLength'];
const DEFAULT_BUFFER_LENGTH: number = 8 * 1024 * 1024;
/** The memory must have room for the largest block, which has a packet of 64 KiB. */
const SMALLEST_BUFFER_LENGTH: number = 256 * 1024;
const LARGEST_BUFFER_LENGTH: number = 1024 * 1024 * 1024;
