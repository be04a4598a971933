/**
 * The programs that `bench sockets` compares: sockets over a tunnel without an interface, and for
 * comparison the sockets of the kernel.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseCidr } from '@litz/config';
import { formatKey, parsePublicKey } from '@litz/core';
import { answerIn } from '../child.ts';
import { missingProgram, type RunningCommand } from '../peers/command.ts';
import { Daemon } from '../peers/daemon.ts';
import { peersNamed } from '../peers/implementation.ts';
import { runIperf } from '../peers/iperf.ts';
import { INNER } from '../peers/tunnel.ts';
import { OUTER } from '../peers/namespace-pair.ts';
import type { ClientAnswer, ClientMode, ClientSettings } from './client-settings.ts';
import { PORTS } from './client-settings.ts';
import { endpointOf, type FarEnd } from './far-end.ts';

/** One measurement of a client. */
export interface ClientRun {
  readonly mode: ClientMode;
  readonly seconds: number;
  readonly connections: number;
}

/** A program with sockets over a tunnel. */
export interface Subject {
  readonly name: string;
  /** The modes that it supports. */
  readonly modes: readonly ClientMode[];
  /** Whether it is also measured over a path that loses datagrams. */
  readonly loss: boolean;
  /**
   * Measures streams from the client to the server over a path that loses datagrams, in Mbit/s. If
   * a subject does not have this function, `run` measures these streams. Only the subject with the
   * sockets of the kernel has it: iperf3 measures there, because it can request CUBIC, which Litz
   * uses too.
   */
  goodput?(far: FarEnd, run: ClientRun): Promise<number>;
  /** Returns why it cannot run on this machine; undefined if it can. */
  missing(): string | undefined;
  /** Measures once. */
  run(far: FarEnd, run: ClientRun): Promise<ClientAnswer>;
}

function litz(name: string, transport: 'litz' | 'portable', modes: readonly ClientMode[]): Subject {
  return {
    name,
    modes,
    loss: transport === 'litz',
    missing: () => undefined,
    run: (far, run) => runNode(far, { ...common(run), transport, config: far.config }),
  };
}

const gvisor: Subject = {
  name: 'gVisor + wireguard-go',
  modes: ['down', 'up', 'http', 'churn', 'idle'],
  loss: true,
  missing: () => missingProgram('go', ['version']),
  async run(far, run) {
    const settings = { ...common(run), uapi: far.uapi };
    const program = far.start(buildGvisorClient(), [JSON.stringify(settings)]);
    return JSON.parse(await program.result(LONGEST_MS)) as ClientAnswer;
  },
};

/**
 * One process of onetun has the UDP sockets, the connections in the tunnel, and the local ports. So
 * its CPU time is that of the whole tunnel.
 */
const onetun: Subject = {
  name: 'onetun',
  modes: ['down', 'up', 'http'],
  loss: false,
  missing: () => missingProgram('onetun', ['--version']),
  async run(far, run) {
    const ports = [PORTS.stream, PORTS.web, PORTS.count];
    const forwards = ports.map((port) => `127.0.0.1:${port}:${INNER.b}:${port}`);
    const flags = {
      '--endpoint-addr': `${OUTER.b}:${far.port}`,
      '--endpoint-public-key': far.publicKey,
      '--private-key': formatKey(far.privateKey),
      '--source-peer-ip': INNER.a,
      '--max-transmission-unit': '1420',
      '--log': 'error',
    };
    const program = far.start('onetun', [...forwards, ...Object.entries(flags).flat()]);
    try {
      await new Promise((resolve) => setTimeout(resolve, START_MS));
      const through = { transport: 'kernel', target: '127.0.0.1', cpuOf: program.pid } as const;
      return await runNode(far, { ...common(run), ...through });
    } finally {
      await program.end();
    }
  },
};

/** The TCP of the kernel, with CUBIC, over wireguard-go with an interface. */
const kernel: Subject = {
  name: 'kernel + wireguard-go',
  modes: ['down', 'up', 'http', 'churn'],
  loss: true,
  missing: () => missingProgram('iperf3', ['--version']),
  run: (far, run) =>
    withInterface(far, (cpuOf) => runNode(far, { ...common(run), transport: 'kernel', cpuOf })),
  goodput: (far, { seconds, connections }) =>
    withInterface(far, async () => {
      const { receivedMbps } = await runIperf({
        client: far.namespaces.a,
        server: far.namespaces.b,
        address: INNER.b,
        seconds,
        args: ['-C', 'cubic', '-P', String(connections), '-O', '1'],
      });
      return receivedMbps;
    }),
};

/** Gives the near end an interface of wireguard-go while `use` runs. */
async function withInterface<T>(far: FarEnd, use: (pid: number) => Promise<T>): Promise<T> {
  const daemon = new Daemon(peersNamed(['wireguard-go'])[0]!, { namespace: far.namespaces.a });
  try {
    await daemon.untilListening();
    const peer = {
      publicKey: parsePublicKey(far.publicKey),
      endpoint: endpointOf(far),
      allowedIps: [parseCidr('10.9.0.0/24')],
    };
    await daemon.configure({ privateKey: far.privateKey, peers: [peer] });
    await daemon.bringUp(`${INNER.a}/24`, 1420);
    return await use(daemon.process.pid);
  } finally {
    await daemon.close();
  }
}

function common({ mode, seconds, connections }: ClientRun): Omit<ClientSettings, 'transport'> {
  return { mode, seconds, connections, address: INNER.a, target: INNER.b };
}

async function runNode(far: FarEnd, settings: ClientSettings): Promise<ClientAnswer> {
  const client = fileURLToPath(new URL('client-child.js', import.meta.url));
  const words = ['--expose-gc', client, JSON.stringify(settings)];
  const program: RunningCommand = far.start(process.execPath, words);
  return answerIn(await program.result(LONGEST_MS), client) as ClientAnswer;
}

/** Builds the program in Go once. Returns its path. */
function buildGvisorClient(): string {
  if (built !== undefined && existsSync(built)) return built;
  const file = join(mkdtempSync(join(tmpdir(), 'litz-gvisor-')), 'gvisor-client');
  const source = fileURLToPath(new URL('../../programs/gvisor-client', import.meta.url));
  execFileSync('go', ['build', '-o', file, '.'], { cwd: source, timeout: 600_000 });
  return (built = file);
}

let built: string | undefined;
const START_MS = 1000;
const LONGEST_MS = 120_000;

/** All subjects, in the order of the report. */
export const SUBJECTS: readonly Subject[] = [
  litz('litz', 'litz', ['down', 'up', 'http', 'churn', 'idle']),
  gvisor,
  onetun,
  litz('litz (node:dgram)', 'portable', ['down', 'up']),
  kernel,
];
