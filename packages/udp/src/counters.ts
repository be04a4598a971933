/**
 * What the sockets count. Network input and lost datagrams never throw: they end here.
 *
 * @module
 */

/** Plain numbers, so that counting allocates nothing. Drops are the fields with `Dropped`. */
export class UdpCounters {
  /** Datagrams handed to the sink. */
  receivedDatagrams = 0;
  /** Messages the kernel gave; fewer than datagrams when it coalesced them (UDP GRO). */
  receivedMessages = 0;
  /** Datagrams longer than a slot. */
  receiveDroppedTruncated = 0;
  /** Control messages that did not fit or made no sense: source or segment size is uncertain. */
  receiveDroppedControl = 0;
  /** A coalesced message whose segment size is impossible. */
  receiveDroppedSegmentSize = 0;
  /** A source of the wrong family or with port 0: nobody can be answered there. */
  receiveDroppedSource = 0;
  /**
   * Datagrams the kernel dropped because the receive buffer was full, or because a flood of handshake
   * messages is kept out of it (SO_RXQ_OVFL).
   */
  receiveDroppedOverflow = 0;
  /** Receive calls that failed with an error other than "nothing there". */
  receiveErrors = 0;
  sentDatagrams = 0;
  /** Messages given to the kernel; fewer than datagrams when it segments them (UDP GSO). */
  sentMessages = 0;
  /** The send buffer stayed full (EAGAIN, ENOBUFS). */
  sendDroppedBufferFull = 0;
  /** Larger than a datagram can be (EMSGSIZE). */
  sendDroppedTooBig = 0;
  /** Any other errno, for instance no route. */
  sendDroppedFailed = 0;
  /** Datagrams that had to leave without their sticky source. */
  sourceLost = 0;
  /** Groups that had to be sent again one by one, because the kernel refused to segment them. */
  ungrouped = 0;

  /** Messages whose control data or segment size make no sense. */
  get receiveDroppedMalformed(): number {
    return this.receiveDroppedControl + this.receiveDroppedSegmentSize;
  }
}
