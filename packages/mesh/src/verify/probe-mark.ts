/**
 * `ProbeMarks`: recognizes packets of probes in captured frames. A probe is a test of `verifyMesh`:
 * an ICMP echo, a UDP datagram or a TCP connection. Its packet may be plain, inside a packet of an
 * overlay, or quoted in an ICMP error. Pure.
 *
 * ICMP echoes and UDP datagrams carry random bytes and the number of their probe. A TCP segment
 * without data has no place for them. So it is recognized by its addresses and ports, which are
 * adjacent in its headers.
 *
 * @module
 */
import { parseAddress } from '@litz/core';

/** A packet of a probe in a frame. */
export interface MarkedProbe {
  /** Number of the probe. */
  readonly probe: number;
  /** Offset of the mark in the frame; for a TCP segment, the offset of its ports. */
  readonly offset: number;
}

/** The addresses and ports of a TCP connection. */
export interface TcpFlow {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

export class ProbeMarks {
  /** Random bytes that all probes of one verification have. */
  readonly #run: Uint8Array;
  /**
   * The numbers of the TCP probes. The key consists of the addresses and ports of a segment in one
   * direction.
   */
  readonly #flows = new Map<string, number>();
  readonly #ports = new Set<number>();

  /** @param run `RUN_LENGTH` random bytes, copied */
  constructor(run: Uint8Array) {
    this.#run = run.slice();
  }

  /** Returns the payload for an echo or a datagram of the probe, in new memory. */
  payload(probe: number): Uint8Array {
    const bytes = new Uint8Array(PAYLOAD_LENGTH);
    bytes.set(this.#run);
    new DataView(bytes.buffer).setUint32(RUN_LENGTH, probe);
    return bytes;
  }

  /** Registers a TCP connection: `find` recognizes its packets in both directions from now on. */
  addFlow(probe: number, flow: TcpFlow): void {
    const { source, sourcePort, destination, destinationPort } = flow;
    const reverse = {
      source: destination,
      sourcePort: destinationPort,
      destination: source,
      destinationPort: sourcePort,
    };
    for (const direction of [flow, reverse]) this.#flows.set(keyOf(direction), probe);
    this.#ports.add(sourcePort);
  }

  /**
   * Returns the probe that the frame belongs to; undefined if there is none.
   *
   * @param frame borrowed for the call
   */
  find(frame: Uint8Array): MarkedProbe | undefined {
    return this.#findPayload(frame) ?? this.#findFlow(frame);
  }

  #findPayload(frame: Uint8Array): MarkedProbe | undefined {
    const buffer = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
    const offset = buffer.indexOf(this.#run);
    if (offset < 0 || offset + RUN_LENGTH + 4 > buffer.length) return undefined;
    return { probe: buffer.readUInt32BE(offset + RUN_LENGTH), offset };
  }

  /** Looks for the ports first, because few frames contain one of them. */
  #findFlow(frame: Uint8Array): MarkedProbe | undefined {
    if (this.#ports.size === 0 || frame.length > LONGEST_EMPTY_SEGMENT) return undefined;
    for (let at = 1; at + 1 < frame.length; at++) {
      if (!this.#ports.has(((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0))) continue;
      // The two addresses before the ports have 8 bytes (IPv4) or 32 bytes (IPv6).
      for (const addresses of [8, 32]) {
        // The port that was found is the source port of a segment from this node, or the
        // destination port of an answer.
        for (const start of [at - addresses, at - 2 - addresses]) {
          const end = start + addresses + 4;
          if (start < 0 || end > frame.length) continue;
          const probe = this.#flows.get(textOf(frame.subarray(start, end)));
          if (probe !== undefined) return { probe, offset: start + addresses };
        }
      }
    }
    return undefined;
  }
}

function keyOf({ source, sourcePort, destination, destinationPort }: TcpFlow): string {
  const addresses = [...parseAddress(source), ...parseAddress(destination)];
  const ports = [sourcePort >> 8, sourcePort & 0xff, destinationPort >> 8, destinationPort & 0xff];
  return textOf(Uint8Array.from([...addresses, ...ports]));
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** Bytes that all probes of one verification have in common. */
export const RUN_LENGTH = 16;
/**
 * Longest frame in bytes that may hold a TCP segment without data, also with the headers of an
 * overlay.
 */
const LONGEST_EMPTY_SEGMENT = 256;
/** The length of a payload in bytes: the default of `ping`. */
const PAYLOAD_LENGTH = 56;
