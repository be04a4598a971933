/**
 * `handshakeFilter`: a program for the kernel (classic BPF). It drops handshake messages of marked
 * sources before they reach the queue of a socket, where transport messages wait too.
 *
 * ```
 * type 1, 2 or 3, with the length of that type?    no: it passes
 * source marked in both tables?                    no: it passes
 * random number below the limit for its kind?      yes: it passes; no: it is dropped
 * ```
 *
 * There are two kinds of handshake messages: those with mac2, and those without.
 *
 * The kernel coalesces datagrams of one length and one source before the filter sees them. So the
 * filter treats several coalesced initiations, or several coalesced responses, like a single one.
 * Transport messages always pass. A single transport message passes because of its type. The kernel
 * can also coalesce a transport message with handshake messages before it, but only as the last
 * datagram, and only if this datagram is shorter than the others. The length of a transport message
 * is a multiple of 16, so it is neither 148 nor 92. Then the total length is not a multiple of 148
 * or 92, and all of these datagrams pass. A cookie reply is 64 bytes long, and a transport message
 * can have this length too. So the filter matches only a single cookie reply, not several coalesced
 * ones. A filter of a UDP socket sees the datagram from the UDP header on.
 *
 * @module
 */
import type { Family } from './linux-abi.ts';
import { ENTRY_BITS, type SourceSketch, type SourceTable } from './source-sketch.ts';

/** The share of messages from marked sources that passes, 0 to 1. */
export interface FilterLimits {
  /** For messages without mac2. */
  readonly withoutMac2: number;
  /** For messages with mac2. */
  readonly withMac2: number;
}

/** One instruction of classic BPF. */
export type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, k: number];

/** Returns the program for a socket of this family. */
export function handshakeFilter(
  family: Family,
  { tables }: Pick<SourceSketch, 'tables'>,
  { withoutMac2, withMac2 }: FilterLimits,
): Instruction[] {
  const initiation = multipleCheck(148, [LOAD, 0, 0, UDP_HEADER + 132]);
  const response = multipleCheck(92, [LOAD, 0, 0, UDP_HEADER + 76]);
  const cookieReply = lengthCheck(64, [LOAD_VALUE, 0, 0, 0]);
  const toResponse = initiation.length + 1;
  const toCookieReply = toResponse + response.length + 1;
  return [
    [LOAD_BYTE, 0, 0, UDP_HEADER],
    [JUMP_EQUAL, 3, 0, 1],
    [JUMP_EQUAL, toResponse + 2, 0, 2],
    [JUMP_EQUAL, toCookieReply + 1, 0, 3],
    PASS,
    ...initiation,
    [JUMP, 0, 0, response.length + 1 + cookieReply.length],
    ...response,
    [JUMP, 0, 0, cookieReply.length],
    ...cookieReply,
    // The first word of mac2; 0 if there is none.
    [STORE, 0, 0, MAC2],
    ...passUnlessMarked(family, tables[0]),
    ...passUnlessMarked(family, tables[1]),
    [LOAD_STORED, 0, 0, MAC2],
    [JUMP_EQUAL, 0, 4, 0],
    ...passAtRandom(withoutMac2),
    ...passAtRandom(withMac2),
  ];
}

/** Encodes the instructions in the kernel's form (struct sock_filter). */
export function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(([code, jumpTrue, jumpFalse, k], i) => {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, jumpTrue);
    view.setUint8(i * 8 + 3, jumpFalse);
    view.setUint32(i * 8 + 4, k, true);
  });
  return bytes;
}

/**
 * Passes a datagram that is not one or more whole messages of `length` bytes. For others, continues
 * with `load`.
 */
function multipleCheck(length: number, load: Instruction): Instruction[] {
  return [
    [LOAD_LENGTH, 0, 0, 0],
    [SUBTRACT, 0, 0, UDP_HEADER],
    [MODULO, 0, 0, length],
    [JUMP_EQUAL, 1, 0, 0],
    PASS,
    load,
  ];
}

/** Passes a datagram that is not `length` bytes long. For others, continues with `load`. */
function lengthCheck(length: number, load: Instruction): Instruction[] {
  return [[LOAD_LENGTH, 0, 0, 0], [JUMP_EQUAL, 1, 0, UDP_HEADER + length], PASS, load];
}

function passUnlessMarked(family: Family, { hash, marks }: SourceTable): Instruction[] {
  const address = NETWORK_HEADER + (family === 4 ? IPV4_SOURCE : IPV6_SOURCE);
  const second: Instruction[] = [
    [A_TO_X, 0, 0, 0],
    [LOAD, 0, 0, address + 4],
    [MULTIPLY, 0, 0, hash.second],
    [ADD_X, 0, 0, 0],
  ];
  return [
    [LOAD, 0, 0, address],
    [MULTIPLY, 0, 0, hash.first],
    ...(family === 6 ? second : []),
    [ADD, 0, 0, hash.addend],
    [A_TO_X, 0, 0, 0],
    [SHIFT_RIGHT, 0, 0, 15],
    [XOR_X, 0, 0, 0],
    [MULTIPLY, 0, 0, hash.third],
    [SHIFT_RIGHT, 0, 0, 32 - ENTRY_BITS],
    [A_TO_X, 0, 0, 0],
    [AND, 0, 0, 31],
    [STORE, 0, 0, BIT],
    [X_TO_A, 0, 0, 0],
    [SHIFT_RIGHT, 0, 0, 5],
    ...wordOf(marks, 0, marks.length),
    [LOAD_X_STORED, 0, 0, BIT],
    [SHIFT_RIGHT_X, 0, 0, 0],
    [AND, 0, 0, 1],
    [JUMP_EQUAL, 0, 1, 0],
    PASS,
  ];
}

/**
 * Sets A, the accumulator, to `words[A]` with a binary search, because classic BPF has no tables.
 * Then the program continues after these instructions.
 */
function wordOf(words: Uint32Array, from: number, to: number): Instruction[] {
  if (isSame(words, from, to)) return [[LOAD_VALUE, 0, 0, words[from]!]];
  const middle = (from + to) >>> 1;
  const left = wordOf(words, from, middle);
  const right = wordOf(words, middle, to);
  return [
    // A conditional jump can skip at most 255 instructions.
    [JUMP_GREATER_EQUAL, 0, 1, middle],
    [JUMP, 0, 0, left.length + 1],
    ...left,
    [JUMP, 0, 0, right.length],
    ...right,
  ];
}

function isSame(words: Uint32Array, from: number, to: number): boolean {
  for (let i = from + 1; i < to; i++) if (words[i] !== words[from]) return false;
  return true;
}

/**
 * Returns four instructions that let this share of the messages pass and drop the others. They end
 * the program.
 */
function passAtRandom(share: number): Instruction[] {
  const limit = Math.min(0xffff_ffff, Math.max(0, Math.floor(share * 0x1_0000_0000)));
  return [[LOAD, 0, 0, RANDOM], [JUMP_GREATER_EQUAL, 0, 1, limit], DROP, PASS];
}

// linux/bpf_common.h: class | size | mode, or class | operation | source.
const LOAD_VALUE = 0x00;
const STORE = 0x02;
const ADD = 0x04;
const JUMP = 0x05;
const A_TO_X = 0x07;
const SUBTRACT = 0x14;
const MODULO = 0x94;
const ADD_X = 0x0c;
const JUMP_EQUAL = 0x15;
const LOAD = 0x20;
const MULTIPLY = 0x24;
const LOAD_BYTE = 0x30;
const JUMP_GREATER_EQUAL = 0x35;
const AND = 0x54;
const LOAD_STORED = 0x60;
const LOAD_X_STORED = 0x61;
const SHIFT_RIGHT = 0x74;
const SHIFT_RIGHT_X = 0x7c;
const LOAD_LENGTH = 0x80;
const X_TO_A = 0x87;
const XOR_X = 0xac;
const RETURN = 0x06;
const PASS: Instruction = [RETURN, 0, 0, 0xffff_ffff];
const DROP: Instruction = [RETURN, 0, 0, 0];

/** SKF_NET_OFF */
const NETWORK_HEADER = 0xfff0_0000;
/** SKF_AD_OFF + SKF_AD_RANDOM */
const RANDOM = 0xffff_f000 + 56;
const UDP_HEADER = 8;
const IPV4_SOURCE = 12;
const IPV6_SOURCE = 8;
/** Indices into the program's memory. */
const MAC2 = 0;
const BIT = 1;
