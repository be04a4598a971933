/**
 * Implementations of WireGuard: how each is started on a machine, and what must be known of it.
 *
 * @module
 */
import { accessSync, constants, existsSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { requirement, type Requirement } from '@litz/testkit';
import type { Namespace } from './namespace.ts';
import { eventually, type Machine } from './underlay.ts';

/** @typeParam M the machines that it runs on */
export interface Implementation<M extends Machine> {
  readonly name: string;
  readonly requirements: readonly Requirement[];
  /** Bytes of the largest ping that crosses whole, in one message; 64,000 unless its own limit is less. */
  readonly largestPing: number;
  /** Of a transfer in the middle of which something happens; default 64 MiB. */
  readonly bytesOfTransfer?: number;
  /** How long it may be silent to a peer with a keepalive that is new to it; default 50 ms. */
  readonly longestSilenceMs?: number;
  /** Makes an interface that `wg` configures. @param behaviour what the test will ask of it */
  start(machine: M, behaviour: Behaviour): Promise<Interface>;
}

export interface Behaviour {
  /** Its machine gets another address. */
  readonly moves?: boolean;
  /** Its clock runs 60 times as fast; Litz only. */
  readonly fast?: boolean;
}

export interface Interface {
  readonly link: string;
  readonly remove: () => Promise<void>;
}

const built: Requirement = requirement('the built litz', () => {
  if (!existsSync(join(import.meta.dirname, '../../dist/main.js'))) return 'run `tsc -b` first';
  return true;
});

export const litz: Implementation<Namespace> = {
  name: 'litz',
  requirements: [built],
  largestPing: 64_000,
  start: (machine, { fast = false }) => {
    const fastDaemon = join(import.meta.dirname, 'fast-daemon.mjs');
    const command = fast ? [fastDaemon] : [join(import.meta.dirname, '../../bin/litz.js'), '-f'];
    return startDaemon(machine, (link) => [process.execPath, ...command, link]);
  },
};

/** wireguard-go: `go install golang.zx2c4.com/wireguard`, whose program is called `wireguard`. */
export const wireguardGo: Implementation<Namespace> = {
  name: 'wireguard-go',
  requirements: [installed('wireguard')],
  largestPing: 64_000,
  start: (machine) =>
    startDaemon(machine, (link) => [findProgram('wireguard') ?? 'wireguard', '-f', link]),
};

/**
 * boringtun: `cargo install boringtun-cli`.
 *
 * By default it answers each peer from a connected socket, and a connected socket keeps the local
 * address that it had when it was made. It makes another one only when the peer's address changes
 * (device/peer.rs, `set_endpoint`), so after a move of its own it sends nothing any more: that is its
 * own limit, whoever the peer is. `--disable-connected-udp` is the way around it that it offers.
 */
export const boringtun: Implementation<Namespace> = {
  name: 'boringtun',
  requirements: [installed('boringtun-cli')],
  largestPing: 64_000,
  // It looks at its timers four times a second (device/mod.rs).
  longestSilenceMs: 350,
  start: (machine, { moves = false }) => {
    const flags = [
      '-f',
      '--disable-drop-privileges',
      ...(moves ? ['--disable-connected-udp'] : []),
    ];
    const program = findProgram('boringtun-cli') ?? 'boringtun-cli';
    return startDaemon(machine, (link) => [program, ...flags, link]);
  },
};

/** Starts a program that serves an interface and its UAPI socket. */
async function startDaemon(
  machine: Namespace,
  command: (link: string) => string[],
): Promise<Interface> {
  // Socket files stand in one folder for all namespaces: the name must be unique on this machine.
  const link = `lz${process.pid % 100_000}x${++links}`;
  const socket = `/var/run/wireguard/${link}.sock`;
  const [program = '', ...args] = command(link);
  const daemon = machine.start(program, args);
  await eventually(`${program} serves ${socket}`, () => {
    if (daemon.process.exitCode !== null) throw new Error(daemon.output());
    return existsSync(socket);
  });
  const remove = async (): Promise<void> => {
    await daemon.end();
    rmSync(socket, { force: true });
  };
  return { link, remove };
}

function installed(program: string): Requirement {
  return requirement(`program ${program}`, () => findProgram(program) !== undefined);
}

/** The first executable of that name in PATH, or where `go install` and `cargo install` put it. */
function findProgram(name: string): string | undefined {
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

let links = 0;
