/**
 * What the packet loop needs from the world: a TUN device and UDP sockets.
 *
 * `@litz/tun` and `@litz/udp` fit these by their shape, so that nothing of them is loaded for a device
 * in memory.
 *
 * @module
 */
import type { DatagramRun, Endpoint } from '@litz/core';

/**
 * A TUN device. Every packet is read and written with its vnet header in front: struct virtio_net_hdr,
 * `VNET_HEADER_LENGTH` bytes, all zero without offloads.
 */
export interface Tun {
  readonly name: string;
  /** Of the packets, without the vnet header. */
  readonly mtu: number;
  /** To poll for POLLIN; -1: `onReadable` tells. */
  readonly fd: number;
  /**
   * Reads one packet into `length` bytes at `offset`; the buffer is borrowed for the call.
   *
   * @returns bytes read, the header included; 0 = nothing there, -1 = the device is gone, else
   *   -errno: this packet is lost, another one may come
   */
  read(buffer: Uint8Array, offset: number, length: number): number;
  /** Writes one packet, borrowed for the call. @returns > 0 written, 0 would block, else -errno */
  write(buffer: Uint8Array, offset: number, length: number): number;
  /** What it takes and gives besides single packets; default: none of it. */
  readonly offloads?: { readonly tcp: boolean; readonly udp: boolean };
  /** With offloads: writes one packet that stands in `count` pieces, and returns what `write` does. */
  writePieces?(
    buffer: Uint8Array,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
  ): number;
  close(): void;
  /** Set by the loop where `fd` is -1: to be called when there is something to read, or it is gone. */
  onReadable?: (() => void) | undefined;
  /** Set by the loop where `fd` is -1. */
  onLinkChange?: ((change: TunLinkChange) => void) | undefined;
}

/** What may happen to the link of a TUN that tells by itself. */
export type TunLinkChange =
  | { readonly type: 'up' }
  | { readonly type: 'down' }
  | { readonly type: 'mtu'; readonly mtu: number };

/** Called once per datagram: `buffer` may be written to and is valid until the next `receive`. */
export type DatagramSink = (
  buffer: Uint8Array,
  offset: number,
  length: number,
  source: Endpoint,
  ecn: number,
) => void;

/** UDP sockets of both families on one port. */
export interface DatagramSocket {
  readonly port: number;
  /** To poll for POLLIN; empty: `onReadable` of their options tells. */
  readonly fds: readonly number[];
  readonly counters: DatagramCounters;
  /** Queues one datagram; the bytes stay where they are until `flush`. */
  send(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Endpoint,
    tos: number,
  ): void;
  /** The same for datagrams that stand at equal distances. The run is borrowed for the call. */
  sendRun(run: DatagramRun): void;
  /** Sends the queue. What cannot be sent is reported to `SocketReports`, never thrown. */
  flush(): void;
  /**
   * One batch; `only` of the descriptor at this index of `fds`.
   *
   * @returns datagrams taken from the sockets; 0 = nothing there
   */
  receive(sink: DatagramSink, only?: number): number;
  /**
   * Keeps floods of handshake messages out of the queue; default: it cannot. To be called after each
   * batch.
   *
   * @returns when to call again, if no batch comes before; Infinity if there is no need
   */
  shedHandshakes?(now: number): number;
  /** Changes SO_MARK from the next datagram on, 0 clears it. */
  setMark(mark: number): void;
  close(): void;
}

/** The counters the loop looks at; sockets have more, which `Device.stats` shows. */
export interface DatagramCounters {
  receiveDroppedTruncated: number;
  /** A message whose control data or segment size make no sense. */
  receiveDroppedMalformed?: number;
}

/** What sockets tell about datagrams that did not leave as asked. */
export interface SocketReports {
  /** A datagram is lost. */
  onSendError: (errno: number, destination: Endpoint) => void;
  /** The sticky source of this destination is unusable. */
  onSourceLost: (destination: Endpoint) => void;
  /** An offload that was asked for cannot be done, or not any more. */
  onOffloadLost: (name: 'udpGso' | 'udpGro', reason: string) => void;
}

/** Which sockets are wanted. */
export interface Binding {
  /** 0 picks one. */
  readonly port: number;
  readonly mark: number;
}
