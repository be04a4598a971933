/**
 * The WireGuard implementations that are compared. Each is a program that serves the UAPI socket of
 * an interface and stays in the foreground.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { missingProgram } from './command.ts';

export interface Implementation {
  readonly name: string;
  /** Returns why it cannot run on this machine; undefined if it can. */
  missing(): string | undefined;
  /** Returns the program and its arguments. */
  command(interfaceName: string): readonly [string, ...string[]];
  readonly env?: Record<string, string>;
}

/**
 * Returns the `litz` of this repository.
 *
 * @param node the Node.js binary; default: the binary of this process
 */
export function litz(node: string = process.execPath, name: string = 'litz'): Implementation {
  return {
    name,
    missing: () =>
      existsSync(LITZ) ? missingProgram(node, ['--version']) : `${LITZ} is not there`,
    // With `-f`, the daemon stays in the foreground. Without `-f`, `litz INTERFACE` would start a
    // daemon in the background, and give it the V8 option itself.
    command: (interfaceName) => [node, '--max-semi-space-size=1', LITZ, '-f', interfaceName],
  };
}

/** Returns the implementations of `PEERS` with these names, in the order of `PEERS`. */
export function peersNamed(names: readonly string[]): Implementation[] {
  return PEERS.filter(({ name }) => names.includes(name));
}

function wireguardGo(name: string, env: Record<string, string> = {}): Implementation {
  return {
    name,
    // `go install` gives the program the name of its module.
    missing: () => missingProgram('wireguard', ['--version']),
    command: (interfaceName) => ['wireguard', '-f', interfaceName],
    env: { WG_PROCESS_FOREGROUND: '1', ...env },
  };
}

/** The implementations with which Litz is compared. */
export const PEERS: readonly Implementation[] = [
  wireguardGo('wireguard-go'),
  // On two cores that both ends share, one thread for Go code is the faster setting for TCP.
  wireguardGo('wireguard-go (GOMAXPROCS=1)', { GOMAXPROCS: '1' }),
  {
    name: 'boringtun',
    missing: () => missingProgram('boringtun-cli', ['--version']),
    command: (interfaceName) => ['boringtun-cli', '-f', '--disable-drop-privileges', interfaceName],
    env: { WG_SUDO: '1' },
  },
  {
    name: 'gotatun',
    missing: () => missingProgram('gotatun', ['--version']),
    command: (interfaceName) => ['gotatun', '-f', '--disable-drop-privileges', interfaceName],
    env: { WG_SUDO: '1' },
  },
];

/** The names of `PEERS`. */
export const PEER_NAMES: readonly string[] = PEERS.map(({ name }) => name);

const LITZ = fileURLToPath(new URL('../../../cli/bin/litz.js', import.meta.url));
