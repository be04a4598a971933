/**
 * Starts programs of other projects for tests. A program ends when the test disposes of it, also if
 * the test fails.
 *
 * @module
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { requirement, type Requirement } from '@litz/testkit';

/** Debian keeps the server outside of PATH. */
const POSTGRESQL = '/usr/lib/postgresql';

export const postgresql: Requirement = requirement('PostgreSQL', () => existsSync(POSTGRESQL));
export const root: Requirement = requirement('root', () => process.getuid?.() === 0);

/** A server program and its folder. Disposal ends the program, and removes the folder. */
export class RunningProgram implements AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly #process: ChildProcess;

  constructor(folder: string, port: number, process: ChildProcess) {
    this.folder = folder;
    this.port = port;
    this.#process = process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null) {
      this.#process.kill('SIGKILL');
      await once(this.#process, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Starts a PostgreSQL server at a port of 127.0.0.1. Everybody may log in as `postgres`. */
export async function startPostgresql(): Promise<RunningProgram> {
  const [version] = readdirSync(POSTGRESQL);
  const programs = join(POSTGRESQL, version, 'bin');
  const folder = mkdtempSync(join(tmpdir(), 'litz-postgresql-'));
  // PostgreSQL refuses to run as root.
  const uid = Number(run('id', ['-u', 'postgres']));
  chownSync(folder, uid, uid);
  const data = join(folder, 'data');
  const asOwner = { uid, cwd: folder, env: { ...process.env, LC_ALL: 'C' } };
  run(
    join(programs, 'initdb'),
    ['-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync'],
    asOwner,
  );
  const port = await freePort();
  const options = ['-D', data, '-p', `${port}`, '-k', folder, '-c', 'listen_addresses=127.0.0.1'];
  const child = spawn(join(programs, 'postgres'), options, { ...asOwner, stdio: 'ignore' });
  return answering(new RunningProgram(folder, port, child));
}

/** Starts an OpenSSH server at a port of 127.0.0.1. The key in `folder/key` may log in as root. */
export async function startSshd(): Promise<RunningProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'litz-ssh-'));
  for (const name of ['host', 'key']) {
    run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
  }
  mkdirSync('/run/sshd', { recursive: true });
  const port = await freePort();
  const settings = {
    ListenAddress: '127.0.0.1',
    HostKey: join(folder, 'host'),
    AuthorizedKeysFile: join(folder, 'key.pub'),
    StrictModes: 'no',
    PermitRootLogin: 'prohibit-password',
    UsePAM: 'no',
    PidFile: 'none',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const child = spawn('/usr/sbin/sshd', ['-D', '-f', '/dev/null', '-p', `${port}`, ...options], {
    stdio: 'ignore',
  });
  return answering(new RunningProgram(folder, port, child));
}

/** Runs a program to its end, and returns what it has printed. */
export function run(program: string, args: string[], options: object = {}): string {
  const result = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000, ...options });
  if (result.status === 0) return result.stdout;
  throw new Error(`${program} failed: ${result.error?.message ?? result.stderr}`);
}

async function answering(program: RunningProgram): Promise<RunningProgram> {
  for (let tries = 0; tries < 200; tries++) {
    if (await isOpen(program.port)) return program;
    await sleep(50);
  }
  await program[Symbol.asyncDispose]();
  throw new Error('the server does not listen');
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Returns a TCP port that nobody uses. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
