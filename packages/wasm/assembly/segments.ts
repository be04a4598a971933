/**
 * Splits a super-packet into its segments, with headers, payload and checksums, in one call.
 * `@litz/tun/offload` does the same in JavaScript, one segment per call.
 */
import { copyAndSum } from './copy-and-sum';

const TCP: u32 = 6;
const FLAGS: usize = 13;
const FIN_AND_PSH: u32 = 0x09;
const TCP_CHECKSUM: usize = 16;
const UDP_CHECKSUM: usize = 6;

/**
 * Writes segments `first` to `first` + `count` - 1 of the TCP or UDP super-packet of `length` bytes at
 * `from`. Segment `first` starts at `to`, and each next segment `stride` bytes later.
 *
 * @param headerLength length of the IP and the transport header together, a multiple of 4
 * @param ipSum sum of the parts of the IP header that all segments have in common
 * @param transportSum sum of the common parts of the transport header and the pseudo-header
 */
export function writeSegments(
  to: usize, stride: usize, from: usize, length: u32, ipHeaderLength: u32, headerLength: u32,
  segmentSize: u32, protocol: u32, ipSum: u32, transportSum: u32, first: u32, count: u32,
): void {
  const isIpv4 = load<u8>(from) >> 4 === 4;
  const payloadLength = length - headerLength;
  const identification: u32 = bswap(load<u16>(from, 4));
  const sequence = bswap(load<u32>(from + ipHeaderLength, 4));
  for (let index = first; index < first + count; index++, to += stride) {
    const done = index * segmentSize;
    const size = min(segmentSize, payloadLength - done);
    copyWords(to, from, headerLength);
    const payload = copyAndSum(to + headerLength, from + headerLength + done, size);
    finishIp(to, isIpv4, headerLength + size, identification + index, ipSum);
    const transport = to + ipHeaderLength;
    const transportLength = headerLength - ipHeaderLength + size;
    const sum = transportSum + payload + transportLength;
    if (protocol === TCP) {
      const isLast = done + size === payloadLength;
      finishTcp(transport, sequence + done, isLast, sum);
    } else {
      finishUdp(transport, transportLength, sum);
    }
  }
}

function finishIp(at: usize, isIpv4: bool, length: u32, identification: u32, common: u32): void {
  if (!isIpv4) {
    store<u16>(at, bswap(<u16>(length - 40)), 4);
    return;
  }
  const id = identification & 0xffff;
  store<u16>(at, bswap(<u16>length), 2);
  store<u16>(at, bswap(<u16>id), 4);
  store<u16>(at, bswap(<u16>~fold(common + length + id)), 10);
}

function finishTcp(at: usize, sequence: u32, isLast: bool, sum: u32): void {
  store<u32>(at, bswap(sequence), 4);
  if (!isLast) store<u8>(at + FLAGS, <u8>(load<u8>(at + FLAGS) & ~FIN_AND_PSH));
  const flags: u32 = bswap(load<u16>(at, 12));
  const all = sum + (sequence >> 16) + (sequence & 0xffff) + flags;
  store<u16>(at + TCP_CHECKSUM, bswap(<u16>~fold(all)));
}

function finishUdp(at: usize, length: u32, sum: u32): void {
  store<u16>(at, bswap(<u16>length), 4);
  const check = <u16>~fold(sum + length);
  // A checksum of 0 means "no checksum" (RFC 768), and IPv6 receivers drop a datagram without a
  // checksum (RFC 8200 section 8.1). 0xffff is the same number in one's complement.
  store<u16>(at + UDP_CHECKSUM, check === 0 ? 0xffff : bswap(check));
}

/** Copies `length` bytes, a multiple of 4. */
// @ts-ignore: decorator
@inline
function copyWords(to: usize, from: usize, length: u32): void {
  let left = length;
  if (ASC_FEATURE_SIMD) {
    for (; left >= 16; left -= 16, from += 16, to += 16) v128.store(to, v128.load(from));
  }
  for (; left >= 4; left -= 4, from += 4, to += 4) store<u32>(to, load<u32>(from));
}

/** Folds a sum of 16-bit words to 16 bits: adds the carries to it (RFC 1071). */
// @ts-ignore: decorator
@inline
function fold(sum: u32): u32 {
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}
