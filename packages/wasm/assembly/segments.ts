/**
 * The segments of a super-packet, headers, payload and checksums, in one call: what
 * `@litz/tun/offload` does segment by segment in JavaScript.
 */
import { copyAndSum } from './copy-and-sum';

const TCP: u32 = 6;
const FLAGS: usize = 13;
const FIN_AND_PSH: u32 = 0x09;
const TCP_CHECKSUM: usize = 16;
const UDP_CHECKSUM: usize = 6;

/**
 * Writes segments `first` to `first` + `count` - 1 of the TCP or UDP packet of `length` bytes at `from`,
 * `stride` bytes apart from `to` on. Headers are whole 32-bit words long; the two sums are those of what
 * all segments have in common.
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
  // 0 would mean none, which IPv6 receivers drop (RFC 768, RFC 8200 8.1); both of the same sum.
  store<u16>(at + UDP_CHECKSUM, check === 0 ? 0xffff : bswap(check));
}

/** @param length a multiple of 4 */
// @ts-ignore: decorator
@inline
function copyWords(to: usize, from: usize, length: u32): void {
  let left = length;
  if (ASC_FEATURE_SIMD) {
    for (; left >= 16; left -= 16, from += 16, to += 16) v128.store(to, v128.load(from));
  }
  for (; left >= 4; left -= 4, from += 4, to += 4) store<u32>(to, load<u32>(from));
}

/** Sixteen bits of a sum below 2^32, carries added back in. */
// @ts-ignore: decorator
@inline
function fold(sum: u32): u32 {
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}
