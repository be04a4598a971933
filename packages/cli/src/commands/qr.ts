/**
 * `litz qr`: a wg-quick file as a QR code in the terminal, for the WireGuard app of a phone.
 *
 * @module
 */
import { parseConfig, wipeSecrets } from '@litz/config';
import { Failure } from '../failure.ts';
import { writeLine } from '../log-writer.ts';
import { phoneText } from '../qr/phone-text.ts';
import { qrCode } from '../qr/qr-code.ts';
import { readTunnelFile } from '../read-tunnel-file.ts';
import { locateTunnelFile } from '../tunnel-path.ts';
import { warnIfWorldReadable } from './keys.ts';

/** Prints the code. @throws {Failure | ConfigError} (rejects) as `qrText` */
export async function runQr(target: string): Promise<void> {
  const { stdout, env } = process;
  warnIfWorldReadable(stdout.fd, writeLine);
  const colors = stdout.isTTY && !env['NO_COLOR'];
  stdout.write(await qrText(target, { colors, columns: terminalColumns(), warn: writeLine }));
}

export interface QrOptions {
  readonly colors: boolean;
  /** The width of the terminal; undefined: the output is not a terminal. */
  readonly columns: number | undefined;
  /** Called with lines for the user. */
  readonly warn: (line: string) => void;
}

/**
 * Returns the code as text, with a line feed at its end.
 *
 * @throws {Failure | ConfigError} (rejects) the file is wrong or too long, or the terminal is too
 *   narrow
 */
export async function qrText(
  target: string,
  { colors, columns, warn }: QrOptions,
): Promise<string> {
  const { file } = locateTunnelFile(target);
  const read = readTunnelFile(file, warn);
  const config = parseConfig(read, { file });
  const hasKey = config.interface.privateKey !== undefined;
  wipeSecrets({ ...config.interface, peers: config.peers });
  if (!hasKey) throw new Failure(`${file}: there is no PrivateKey, which the app needs`);
  const { text, leftOut } = phoneText(read);
  const code = qrCode(text, { colors });
  if (columns !== undefined && columns < code.columns) {
    const size = `the code needs ${code.columns} columns, and the terminal has ${columns}`;
    throw new Failure(`${size}: make it wider, or its letters smaller`);
  }
  warn('Warning: the code has the private key. Whoever takes a picture of it can use the tunnel.');
  if (leftOut.length > 0) warn(`The app does not know ${leftOut.join(', ')}: left out.`);
  return code.lines.map((line) => `${line}\n`).join('');
}

function terminalColumns(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined;
}
