/**
 * An interpreter of classic BPF, which runs a program on one datagram. It follows the kernel's
 * documentation (filter.rst) and shares no code with `handshakeFilter`.
 *
 * @module
 */
export interface Machine {
  /** IP header, UDP header, payload. */
  readonly packet: Uint8Array;
  /** Length of the IP header. */
  readonly ipLength: number;
  /** The random number that the program reads. */
  readonly random: number;
}

/** @returns what the program returns; 0: the datagram is dropped */
export function run(program: Uint8Array, { packet, ipLength, random }: Machine): number {
  const code = new DataView(program.buffer, program.byteOffset, program.length);
  const udp = packet.subarray(ipLength);
  const memory: number[] = [];
  let a = 0;
  let x = 0;
  let last = -1;
  for (let pc = 0; pc * 8 < program.length; pc++) {
    if (pc <= last) throw new Error('a jump back');
    last = pc;
    const operation = code.getUint16(pc * 8, true);
    const jt = code.getUint8(pc * 8 + 2);
    const jf = code.getUint8(pc * 8 + 3);
    const k = code.getUint32(pc * 8 + 4, true);
    const value = operation & 8 ? x : k;
    switch (operation & 7) {
      case 0: {
        const mode = operation & 0xe0;
        if (mode === 0x00) a = k;
        else if (mode === 0x60) a = memory[k] ?? undefinedMemory();
        else if (mode === 0x80) a = udp.length;
        else {
          const size = (operation & 0x18) === 0x10 ? 1 : 4;
          const loaded = k === 0xffff_f038 ? random : load(packet, udp, k, size);
          if (loaded === undefined) return 0;
          a = loaded;
        }
        break;
      }
      case 1:
        x = memory[k] ?? undefinedMemory();
        break;
      case 2:
        memory[k] = a;
        break;
      case 4:
        a = calculate(operation & 0xf0, a, value);
        break;
      case 5: {
        const kind = operation & 0xf0;
        if (kind === 0) pc += k;
        else pc += (kind === 0x10 ? a === value : a >= value) ? jt : jf;
        break;
      }
      case 6:
        return k;
      case 7:
        if (operation & 0x80) a = x;
        else x = a;
        break;
      default:
        throw new Error(`operation ${operation}`);
    }
  }
  throw new Error('the program has no end');
}

function load(packet: Uint8Array, udp: Uint8Array, k: number, size: number): number | undefined {
  const isNetwork = k >= 0xfff0_0000;
  const bytes = isNetwork ? packet : udp;
  const at = isNetwork ? k - 0xfff0_0000 : k;
  if (at + size > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return size === 1 ? view.getUint8(at) : view.getUint32(at, false);
}

function calculate(kind: number, a: number, value: number): number {
  switch (kind) {
    case 0x00:
      return (a + value) >>> 0;
    case 0x10:
      return (a - value) >>> 0;
    case 0x90:
      return a % value;
    case 0x20:
      return Math.imul(a, value) >>> 0;
    case 0x50:
      return (a & value) >>> 0;
    case 0xa0:
      return (a ^ value) >>> 0;
    case 0x70:
      if (value > 31) throw new Error('a shift by more than a word');
      return a >>> value;
    default:
      throw new Error(`calculation ${kind}`);
  }
}

function undefinedMemory(): never {
  throw new Error('memory that was not written');
}
