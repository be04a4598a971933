/**
 * `Capture`: records the packets of a network as a pcap file, and searches it with tshark.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Network } from './network.ts';

export class Capture {
  readonly #parts: Uint8Array[] = [fileHeader()];

  /** Records every packet from now on, when it leaves its host. */
  constructor(network: Network) {
    const before = network.onPacket;
    network.onPacket = (from, packet, now): boolean => {
      this.#parts.push(recordHeader(now, packet.length), packet);
      return before(from, packet, now);
    };
  }

  /** Returns the fields of the packets that match a display filter, one line each. */
  find(filter: string, fields: readonly string[]): string[] {
    const folder = mkdtempSync(join(tmpdir(), 'litz-capture-'));
    try {
      const file = join(folder, 'capture.pcap');
      writeFileSync(file, Buffer.concat(this.#parts));
      const words = ['-n', '-r', file, ...CHECKS.flatMap((check) => ['-o', check])];
      // The data is random: tshark must not look for a protocol in it.
      for (const port of ['tcp.port==80', 'tcp.port==81', 'udp.port==9']) {
        words.push('-d', `${port},echo`);
      }
      words.push('-Y', filter, '-T', 'fields', ...fields.flatMap((field) => ['-e', field]));
      const text = execFileSync('tshark', words, {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return text.split('\n').filter((line) => line !== '');
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

/** The pcap format: microseconds, LINKTYPE_RAW. */
function fileHeader(): Uint8Array {
  const header = new Uint8Array(24);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 65_535, true);
  view.setUint32(20, 101, true);
  return header;
}

function recordHeader(now: number, length: number): Uint8Array {
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  view.setUint32(0, Math.floor(now / 1000), true);
  view.setUint32(4, Math.floor((now % 1000) * 1000), true);
  view.setUint32(8, length, true);
  view.setUint32(12, length, true);
  return header;
}

const CHECKS = [
  'ip.check_checksum:TRUE',
  'tcp.check_checksum:TRUE',
  'udp.check_checksum:TRUE',
  'tcp.analyze_sequence_numbers:TRUE',
];
