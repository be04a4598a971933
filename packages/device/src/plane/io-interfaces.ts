/**
 * The interfaces of the packet loop to the outside: a TUN device and UDP sockets.
 *
 * `@litz/tun` and `@litz/udp` match these interfaces by shape. So nothing here imports these
 * packages, and each is loaded only by a device that needs it.
 *
 * @module
 */
import type { DatagramRun, Endpoint } from '@litz/core';

/**
 * A TUN device. Each packet is read and written with its vnet header in front (struct
 * virtio_net_hdr, `VNET_HEADER_LENGTH` bytes). Without offloads all bytes of the header are zero.
 */
export interface Tun {
  readonly name: string;
  /** Maximum length of a packet in bytes, without the vnet header. */
  readonly mtu: number;
  /** The descriptor to poll for POLLIN. -1: there is none, and the TUN calls `onReadable`. */
  readonly fd: number;
  /**
   * Reads one packet into `length` bytes at `offset`. The buffer is borrowed for the call.
   *
   * @returns the number of bytes read, with the header; 0: no packet is there; -1: the device is
   *   gone; else -errno: this packet is lost, and the next read may succeed
   */
  read(buffer: Uint8Array, offset: number, length: number): number;
  /**
   * Writes one packet, borrowed for the call.
   *
   * @returns > 0: written; 0: would block; else -errno
   */
  write(buffer: Uint8Array, offset: number, length: number): number;
  /** Which super-packets the TUN reads and writes. Default: none. */
  readonly offloads?: { readonly tcp: boolean; readonly udp: boolean };
  /**
   * With offloads: writes one packet that consists of `count` pieces. Returns what `write` returns.
   * Absent: the pieces are copied to one place, and `write` gets the whole packet.
   */
  writePieces?(
    buffer: Uint8Array,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
  ): number;
  close(): void;
  /**
   * Set by the loop if `fd` is -1. Must be called when a packet can be read, and when the device is
   * gone.
   */
  onReadable?: (() => void) | undefined;
  /** Set by the loop if `fd` is -1. Must be called when the link changes. */
  onLinkChange?: ((change: TunLinkChange) => void) | undefined;
}

/** A change of the link that a TUN without descriptor reports. */
export type TunLinkChange =
  | { readonly type: 'up' }
  | { readonly type: 'down' }
  | { readonly type: 'mtu'; readonly mtu: number };

/** Called once per datagram. `buffer` may be written to; it is valid until the next `receive`. */
export type DatagramSink = (
  buffer: Uint8Array,
  offset: number,
  length: number,
  source: Endpoint,
  ecn: number,
) => void;

/** UDP sockets for IPv4 and IPv6 on one port. */
export interface DatagramSocket {
  readonly port: number;
  /**
   * The descriptors to poll for POLLIN. Empty: there are none, and the sockets call the
   * `onReadable` of their options.
   */
  readonly fds: readonly number[];
  readonly counters: DatagramCounters;
  /** Queues one datagram. The bytes must stay unchanged until `flush`. */
  send(
    buffer: Uint8Array,
    offset: number,
    length: number,
    destination: Endpoint,
    tos: number,
  ): void;
  /** Queues several datagrams at equal distances. The object `run` is borrowed for the call. */
  sendRun(run: DatagramRun): void;
  /** Sends the queued datagrams. Failures are reported to `SocketReports`, never thrown. */
  flush(): void;
  /**
   * Receives one batch. If `only` is given, receives only from the descriptor at this index of
   * `fds`.
   *
   * @returns the number of datagrams taken from the sockets; 0: none was there
   */
  receive(sink: DatagramSink, only?: number): number;
  /**
   * Receives one batch into one half of the receive memory: `half` is 0 or 1. The datagrams in the
   * other half stay valid. Absent if the sockets cannot do that.
   */
  receiveHalf?(half: number, sink: DatagramSink, only?: number): number;
  /**
   * Drops floods of handshake messages before they reach the socket's queue. Absent if the sockets
   * cannot do that. Must be called after each batch.
   *
   * @returns when to call this again if no batch comes earlier; Infinity: not needed
   */
  updateFloodFilter?(now: number): number;
  /** Changes SO_MARK for all following datagrams; 0 clears it. */
  setMark(mark: number): void;
  close(): void;
}

/**
 * The counters that the packet loop reads. Sockets have more counters, which `Device.stats`
 * returns.
 */
export interface DatagramCounters {
  receiveDroppedTruncated: number;
  /** How often the kernel returned datagrams with invalid control data or segment size. */
  receiveDroppedMalformed?: number;
}

/** Callbacks for datagrams that could not be sent as requested. */
export interface SocketReports {
  /** A datagram is lost. */
  onSendError: (errno: number, destination: Endpoint) => void;
  /** The sticky source of this destination cannot be used. */
  onSourceLost: (destination: Endpoint) => void;
  /** An offload that was requested is not possible, or no longer possible. */
  onOffloadLost: (name: 'udpGso' | 'udpGro', reason: string) => void;
}

/** The port and mark of the sockets to open. */
export interface Binding {
  /** 0: any free port. */
  readonly port: number;
  readonly mark: number;
}
