/**
 * `litz capture`: the command and its flags.
 *
 * @module
 */
import { isInterfaceName, parsePublicKey, parseUnsigned, quote } from '@litz/core/text';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { CaptureFlags } from '../capture/capture-flags.ts';
import { Failure } from '../failure.ts';

/** Adds the command to `litz`. */
export function addCaptureCommand(program: Command): void {
  program
    .command('capture')
    .description('record the packets of a running interface for Wireshark (pcapng)')
    .argument('<INTERFACE>', 'an interface of litz')
    .option('-w, --write <FILE>', 'the file to write; - is standard output, for wireshark -k -i -')
    .option('--peer <KEY>', 'only packets of this peer; can be repeated', readPeer)
    .addOption(
      new Option('--only <side>', 'only IP packets, or only datagrams').choices(['inner', 'outer']),
    )
    .option('-s, --snap-length <bytes>', 'keep only this many bytes of a packet', readSnapLength)
    .option('-c, --count <packets>', 'end after this many packets', readCount)
    .option('--duration <seconds>', 'end after this many seconds', readSeconds)
    .option('--size <size>', 'end before the file is longer than this: 500k, 100M, 2G', readSize)
    .option('--key-log <FILE>', 'also write the keys of new sessions to FILE; only for root')
    .option('--embed-keys', 'put the keys of new sessions into the capture; only for root')
    .addHelpText('after', HELP)
    .action(async (name: string, flags: CaptureFlags) => {
      if (!isInterfaceName(name)) {
        throw new Failure(`${quote(name)} is not the name of an interface`, { exitCode: 2 });
      }
      const { runCapture } = await import('../capture/run-capture.ts');
      await runCapture(name, flags);
    });
}

function readPeer(text: string, earlier: readonly string[] = []): string[] {
  try {
    parsePublicKey(text);
  } catch {
    throw new InvalidArgumentError('Expected a public key: 44 characters of base64.');
  }
  return [...earlier, text];
}

function readCount(text: string): number {
  return readNumber(text, Number.MAX_SAFE_INTEGER);
}

function readSeconds(text: string): number {
  return readNumber(text, LONGEST_SECONDS);
}

function readNumber(text: string, most: number): number {
  const number = parseUnsigned(text, most);
  if (number !== undefined && number > 0) return number;
  throw new InvalidArgumentError(`Expected a number, 1 to ${most}.`);
}

function readSnapLength(text: string): number {
  const number = parseUnsigned(text, LARGEST_SNAP_LENGTH);
  if (number !== undefined && number >= SMALLEST_SNAP_LENGTH) return number;
  throw new InvalidArgumentError(
    `Expected a number, ${SMALLEST_SNAP_LENGTH} to ${LARGEST_SNAP_LENGTH}.`,
  );
}

function readSize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,9})([kMG]?)$/.exec(text) ?? [];
  const bytes = Number(digits) * (UNITS[unit] ?? NaN);
  if (digits !== '' && bytes >= SMALLEST_SIZE) return bytes;
  throw new InvalidArgumentError('Expected a size of at least 1k: 500k, 100M or 2G.');
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1000, M: 1000 ** 2, G: 1000 ** 3 };
const SMALLEST_SIZE = 1000;
const SMALLEST_SNAP_LENGTH = 64;
const LARGEST_SNAP_LENGTH = 262_144;
/** The longest timer of Node.js, in seconds. */
const LONGEST_SECONDS = 2_147_483;

const HELP = `
The file has two interfaces: INTERFACE has the IP packets, INTERFACE-outer has the datagrams of
WireGuard that carry them. A dropped packet has the reason as a comment. Ctrl-C ends the capture.
If litz capture writes too slowly, packets are missing in the file, and its end says how many. The
tunnel is never slower and loses nothing. A file can be read only by its owner.

Keys: --key-log and --embed-keys start a new handshake with each peer, and record what Wireshark
needs to decrypt the sessions that begin then. Whoever has these keys has the private key of the
interface, and can read the recorded traffic. Delete the keys after use.

Examples:
  litz capture wg0 -w wg0.pcapng                   until Ctrl-C
  litz capture wg0 -w - | wireshark -k -i -        live
  litz capture wg0 -w - | tshark -r -              as text
  litz capture wg0 --only inner -c 100 -w - | tcpdump -n -r -
  litz capture wg0 -w wg0.pcapng --key-log wg0.keys
                             then: wireshark -o wg.keylog_file:wg0.keys wg0.pcapng`;
