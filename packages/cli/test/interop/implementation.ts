/**
 * Implementations of WireGuard: how each is started on a machine, and its limits.
 *
 * @module
 */
import { accessSync, constants, existsSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { requirement, type Requirement } from '@litz/testkit';
import type { Namespace } from './namespace.ts';
import { eventually, type Machine } from './underlay.ts';

/** An implementation of WireGuard. @typeParam M the kind of machine that it runs on */
export interface Implementation<M extends Machine> {
  readonly name: string;
  readonly requirements: readonly Requirement[];
  /**
   * Bytes of the largest ping that passes in one message; 64,000 unless the implementation's limit
   * is less.
   */
  readonly largestPing: number;
  /** Bytes of a transfer during which a test changes something. Default: 64 MiB. */
  readonly bytesOfTransfer?: number;
  /**
   * How long the implementation may wait before it sends a keepalive to a new peer, in ms. Default:
   * 50.
   */
  readonly longestSilenceMs?: number;
  /**
   * Makes an interface that `wg` can configure. @param behaviour what the test needs from the
   * interface
   */
  start(machine: M, behaviour: Behaviour): Promise<Interface>;
}

export interface Behaviour {
  /** The machine will get another address. */
  readonly moves?: boolean;
  /** The clock runs 60 times as fast. Only for Litz. */
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
 * By default, boringtun answers each peer from a connected socket, and a connected socket keeps the
 * local address that it had when it was made. boringtun makes another socket only when the peer's
 * address changes (device/peer.rs, `set_endpoint`). So after the local address has changed,
 * boringtun sends nothing any more, whoever the peer is. The option `--disable-connected-udp`
 * avoids that.
 */
export const boringtun: Implementation<Namespace> = {
  name: 'boringtun',
  requirements: [installed('boringtun-cli')],
  largestPing: 64_000,
  // boringtun checks its timers four times per second (device/mod.rs).
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
  // All namespaces share the folder of the sockets, so the name must be unique on this machine.
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

/**
 * Returns the first executable of that name in PATH, or in the folders of `go install` and `cargo
 * install`.
 */
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
