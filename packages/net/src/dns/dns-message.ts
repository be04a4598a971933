/**
 * Messages of DNS (RFC 1035 4, RFC 6891), read and written by the package dns-packet.
 *
 * @module
 */
import { decode, encode, RECURSION_DESIRED, type Answer, type DecodedPacket } from 'dns-packet';

/** What is asked. */
export interface DnsQuestion {
  /** 0 to 65535. */
  readonly id: number;
  readonly name: string;
  readonly type: 'A' | 'AAAA';
}

/** What a server has answered. */
export interface DnsAnswer {
  /** `SERVFAIL` stands for all other codes, because they say nothing about the name. */
  readonly code: 'NOERROR' | 'NXDOMAIN' | 'FORMERR' | 'SERVFAIL';
  /** Whether the answer did not fit into a datagram. Over TCP the server sends all of it. */
  readonly isTruncated: boolean;
  readonly addresses: readonly string[];
  /** The name that `CNAME` records lead to, if the answer has no address for it. */
  readonly alias: string | undefined;
  /** Seconds for which the answer is valid. */
  readonly ttl: number;
}

/**
 * Returns the bytes of a query.
 *
 * @param withOptions whether the query says how long an answer may be (EDNS). Some old servers do
 *   not understand a query with EDNS.
 * @throws {Error} the name is not valid in DNS
 */
export function encodeQuery({ id, name, type }: DnsQuestion, withOptions: boolean): Uint8Array {
  const labels = name.split('.');
  if (name.length > 253 || labels.some((label) => label.length < 1 || label.length > 63)) {
    throw new Error('not a valid DNS name');
  }
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type, name, class: 'IN' }],
    additionals: withOptions ? [OPTIONS] : [],
  });
}

/**
 * Returns the answer to a question; undefined if `bytes` is not an answer to it. It never throws.
 *
 * @param bytes borrowed for the call
 */
export function decodeAnswer(bytes: Uint8Array, question: DnsQuestion): DnsAnswer | undefined {
  const message = tryDecode(bytes);
  if (!message || message.type !== 'response' || message.id !== question.id) return undefined;
  const [asked, ...more] = message.questions ?? [];
  const isSame =
    asked !== undefined &&
    more.length === 0 &&
    asked.type === question.type &&
    isEqualName(asked.name, question.name);
  const code = (message as { rcode?: string }).rcode ?? 'SERVFAIL';
  // A server that could not read the question need not repeat it.
  if (!isSame && !(code === 'FORMERR' && asked === undefined)) return undefined;
  return {
    code: code === 'NOERROR' || code === 'NXDOMAIN' || code === 'FORMERR' ? code : 'SERVFAIL',
    isTruncated: message.flag_tc,
    ...readRecords(message, question),
  };
}

function tryDecode(bytes: Uint8Array): DecodedPacket | undefined {
  try {
    return decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    return undefined;
  }
}

/** RFC 1034 3.6.2: an alias is followed within the answer. */
function readRecords(
  { answers = [], authorities = [] }: DecodedPacket,
  { name, type }: DnsQuestion,
): Pick<DnsAnswer, 'addresses' | 'alias' | 'ttl'> {
  let owner = name;
  let ttl = Infinity;
  for (let links = 0; links < MOST_LINKS; links++) {
    const link = answers.find((it) => it.type === 'CNAME' && isEqualName(it.name, owner));
    if (link?.type !== 'CNAME') break;
    ttl = Math.min(ttl, ttlOf(link));
    owner = link.data;
  }
  const addresses: string[] = [];
  for (const record of answers) {
    if (addresses.length === MOST_ADDRESSES) break;
    if (record.type !== type || !isEqualName(record.name, owner)) continue;
    addresses.push(String((record as { data: unknown }).data));
    ttl = Math.min(ttl, ttlOf(record));
  }
  const alias = addresses.length === 0 && owner !== name ? owner : undefined;
  const isNegative = addresses.length === 0 && alias === undefined;
  return { addresses, alias, ttl: isNegative ? negativeTtl(authorities) : ttl };
}

/** RFC 2308 5: returns how many seconds an answer without addresses is valid. */
function negativeTtl(authorities: readonly Answer[]): number {
  const soa = authorities.find((it) => it.type === 'SOA');
  if (soa?.type !== 'SOA') return 0;
  const { minimum = 0 } = soa.data;
  return Math.min(ttlOf(soa), minimum, LONGEST_NEGATIVE_TTL);
}

/** RFC 2181 8: a value with the highest bit set counts as 0. */
function ttlOf(record: Answer): number {
  const { ttl } = record as { ttl?: number };
  return ttl === undefined || ttl < 0 || ttl >= 2 ** 31 ? 0 : ttl;
}

function isEqualName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** 1232 bytes are the limit of DNS flag day 2020: datagrams of this size are not fragmented. */
const OPTIONS = {
  type: 'OPT' as const,
  name: '.' as const,
  udpPayloadSize: 1232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};
/** The most aliases that are followed within one answer. */
const MOST_LINKS = 16;
const LONGEST_NEGATIVE_TTL = 300;
/**
 * The most addresses that are read from one answer. A server could send thousands of addresses,
 * which would be kept and tried one after the other.
 */
const MOST_ADDRESSES = 64;
