/**
 * `UdpCounters`: the counters of the sockets. Invalid datagrams from the network and lost datagrams
 * cause no exception; they are counted here.
 *
 * Here a message is what one mmsghdr of sendmmsg or recvmmsg describes: one datagram, several from
 * one source that the kernel has coalesced (UDP GRO), or several to one destination that the kernel
 * will segment (UDP GSO).
 *
 * @module
 */

/**
 * The counters of the sockets of one port, since they were opened. The object is live. The fields
 * are plain numbers, so that counting allocates nothing. The fields with `Dropped` count datagrams
 * that were lost, or whole messages if the text of the field says so.
 */
export class UdpCounters {
  /** Datagrams passed to the sink. */
  receivedDatagrams = 0;
  /**
   * Messages received from the kernel: fewer than the datagrams if the kernel coalesced some (UDP
   * GRO).
   */
  receivedMessages = 0;
  /** Messages longer than a slot of 64 KiB. */
  receiveDroppedTruncated = 0;
  /**
   * Messages whose control data did not fit or was invalid, so that the source or the segment size
   * is uncertain.
   */
  receiveDroppedControl = 0;
  /** Coalesced messages with an impossible segment size. */
  receiveDroppedSegmentSize = 0;
  /** Messages from a source of the wrong family or with port 0, which cannot be answered. */
  receiveDroppedSource = 0;
  /**
   * Datagrams that the kernel dropped, because the receive buffer was full or because a filter kept
   * a flood of handshake messages out of the buffer (SO_RXQ_OVFL). For portable sockets: datagrams
   * above `receiveLimit`.
   */
  receiveDroppedOverflow = 0;
  /** Receive calls that failed, except because there was no datagram or because of a signal. */
  receiveErrors = 0;
  /** Datagrams that the kernel accepted. */
  sentDatagrams = 0;
  /**
   * Messages passed to the kernel: fewer than the datagrams if the kernel segments some (UDP GSO).
   */
  sentMessages = 0;
  /** Datagrams lost because the send buffer or the queue was full (EAGAIN, ENOBUFS). */
  sendDroppedBufferFull = 0;
  /** Datagrams lost because they were too large to be sent (EMSGSIZE). */
  sendDroppedTooBig = 0;
  /** Datagrams lost because of any other error, for instance no route. */
  sendDroppedFailed = 0;
  /** Datagrams that were sent without their sticky source, because it did not work. */
  sentWithoutSource = 0;
  /**
   * Messages whose datagrams were sent again one by one, because the kernel refused to segment
   * them.
   */
  sentOneByOne = 0;

  /** Messages with invalid control data or an invalid segment size. */
  get receiveDroppedMalformed(): number {
    return this.receiveDroppedControl + this.receiveDroppedSegmentSize;
  }
}
