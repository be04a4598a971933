/**
 * `ProbeMarks`: how probes are told from all other packets, wherever they turn up in a frame: as they
 * are, in an overlay's packet, or quoted in an ICMP error. Pure.
 *
 * An echo and a datagram carry random bytes and a number. A TCP segment without data has none, so it is
 * known by its addresses and ports, as they stand one behind the other in its headers.
 *
 * @module
 */
import { parseAddress } from '@litz/core';

/** A probe that was found in a frame. */
export interface MarkedProbe {
  readonly probe: number;
  /** Where the mark begins in the frame. */
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
  /** The same in all probes of a run. */
  readonly #run: Uint8Array;
  /** By the bytes of each direction. */
  readonly #flows = new Map<string, number>();
  readonly #ports = new Set<number>();

  /** @param run `RUN_LENGTH` random bytes, copied */
  constructor(run: Uint8Array) {
    this.#run = run.slice();
  }

  /** What an echo or a datagram of this probe carries; copied. */
  payload(probe: number): Uint8Array {
    const bytes = new Uint8Array(PAYLOAD_LENGTH);
    bytes.set(this.#run);
    new DataView(bytes.buffer).setUint32(RUN_LENGTH, probe);
    return bytes;
  }

  /** From now on packets of this connection, of either direction, are the probe's. */
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

  /** @param frame borrowed for the call */
  find(frame: Uint8Array): MarkedProbe | undefined {
    return this.#findPayload(frame) ?? this.#findFlow(frame);
  }

  #findPayload(frame: Uint8Array): MarkedProbe | undefined {
    const buffer = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
    const offset = buffer.indexOf(this.#run);
    if (offset < 0 || offset + RUN_LENGTH + 4 > buffer.length) return undefined;
    return { probe: buffer.readUInt32BE(offset + RUN_LENGTH), offset };
  }

  /** Ports are looked for first: hardly a frame has one of ours. */
  #findFlow(frame: Uint8Array): MarkedProbe | undefined {
    if (this.#ports.size === 0 || frame.length > LONGEST_EMPTY_SEGMENT) return undefined;
    for (let at = 1; at + 1 < frame.length; at++) {
      if (!this.#ports.has(((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0))) continue;
      for (const addresses of [8, 32]) {
        // The port stands first in what we send, and second in what comes back.
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

export const RUN_LENGTH = 16;
/** With the headers of an overlay around it. */
const LONGEST_EMPTY_SEGMENT = 256;
/** As much as `ping` sends. */
const PAYLOAD_LENGTH = 56;
