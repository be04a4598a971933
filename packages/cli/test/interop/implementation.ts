/**
 * WireGuard implementations that serve the UAPI socket: how each is started, and where it is found.
 *
 * @module
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { hasNamespacePrivilege } from '@litz/sys';
import { programRequirement, requirement, type Requirement } from '@litz/testkit';

export interface Implementation {
  readonly name: string;
  /** Undefined if the program is not on this machine. */
  readonly program: string | undefined;
  /** Arguments that keep it in the foreground, serving `link`. */
  arguments(link: string): string[];
  readonly env: Record<string, string>;
  /** Largest inner MTU it carries. */
  readonly maxMtu: number;
  /** Whether `wg show transfer` counts messages without a packet, as the kernel does. */
  readonly countsKeepalives: boolean;
}

export const litz: Implementation = {
  name: 'litz',
  program: process.execPath,
  arguments: (link) => [join(import.meta.dirname, '../../bin/litz.js'), '-f', link],
  env: {},
  maxMtu: 65_000,
  countsKeepalives: true,
};

export const wireguardGo: Implementation = {
  name: 'wireguard-go',
  program: findProgram('wireguard'),
  arguments: (link) => ['-f', link],
  env: { WG_PROCESS_FOREGROUND: '1' },
  maxMtu: 65_000,
  countsKeepalives: true,
};

export const boringtun: Implementation = {
  name: 'boringtun',
  program: findProgram('boringtun-cli'),
  // A connected socket for each peer hears nothing from the peer's next address.
  arguments: (link) => ['-f', '--disable-drop-privileges', '--disable-connected-udp', link],
  env: { WG_SUDO: '1' },
  // It reads the MTU once, at start, and its buffers end at 65535 bytes.
  maxMtu: 1420,
  // It counts the bytes of packets, not those of messages.
  countsKeepalives: false,
};

/** Without it: a test with a clock of its own is skipped. */
export const libfaketime: Requirement = requirement(
  'libfaketime (Debian package faketime)',
  () => faketimeLibrary() !== undefined,
);

/** What `implementation` runs on: root, `ip`, `wg`, `ping`, and the program itself. */
export function interopRequirements(implementation: Implementation): Requirement[] {
  const program = requirement(
    `program ${implementation.name}`,
    () => implementation.program !== undefined,
  );
  const built = requirement('the built litz', () =>
    existsSync(join(import.meta.dirname, '../../dist/main.js')),
  );
  return [
    requirement('the right to make network namespaces', hasNamespacePrivilege),
    requirement('/dev/net/tun', () => existsSync('/dev/net/tun')),
    programRequirement('ip', ['-V']),
    programRequirement('wg', ['--version']),
    programRequirement('ping', ['-V']),
    built,
    program,
  ];
}

/** Environment in which all clocks of a program run `rate` times as fast. */
export function fasterClock(rate: number): Record<string, string> {
  return { LD_PRELOAD: faketimeLibrary() ?? '', FAKETIME: `+0 x${rate}` };
}

function faketimeLibrary(): string | undefined {
  const triplets = ['x86_64-linux-gnu', 'aarch64-linux-gnu'];
  return triplets
    .map((triplet) => `/usr/lib/${triplet}/faketime/libfaketimeMT.so.1`)
    .find((path) => existsSync(path));
}

/** The first executable of that name in PATH, or where `go install` and `cargo install` put it. */
export function findProgram(name: string): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    process.env['GOBIN'] ?? join(process.env['GOPATH'] ?? join(homedir(), 'go'), 'bin'),
    join(process.env['CARGO_HOME'] ?? join(homedir(), '.cargo'), 'bin'),
  ];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
