/**
 * `addSocketsCommand`: adds the command `bench sockets`, which measures sockets over a tunnel
 * without an interface.
 *
 * @module
 */
import type { Command } from 'commander';
import { measureSockets } from '../sockets/sockets.ts';
import { SUBJECTS } from '../sockets/subjects.ts';
import { listParser, parseCount } from './arguments.ts';
import { load, saveResult, say } from './output.ts';

interface SocketsOptions {
  rounds: number;
  seconds: number;
  idle: number;
  subjects: readonly string[];
  modes: readonly (typeof MODES)[number][];
  loss: boolean;
}

export function addSocketsCommand(program: Command): void {
  const names = SUBJECTS.map(({ name }) => name);
  const command: Command = program
    .command('sockets')
    .description('measure sockets over a tunnel without an interface: Litz and others in turn')
    .option('--rounds <number>', 'how often each program is measured', parseCount, 3)
    .option('--seconds <number>', 'length of one measurement', parseCount, 4)
    .option('--idle <number>', 'how many idle connections are opened', parseCount, 10_000)
    .option('--subjects <names>', 'the programs to measure', listParser(names), names)
    .option('--modes <names>', 'what is measured with each program', listParser(MODES), [...MODES])
    .option('--no-loss', 'do not measure the goodput over a path with losses')
    .action(async (options: SocketsOptions) => {
      const { rounds, seconds, idle, modes } = options;
      const subjects = SUBJECTS.filter(({ name }) => options.subjects.includes(name));
      const losses = options.loss ? LOSSES : [];
      const settings = { subjects, rounds, seconds, idle, modes, losses };
      const loadBefore = load();
      const { measurements, failed } = await measureSockets(settings, say);
      const said = { rounds, seconds, idle, loadBefore, loadAfter: load() };
      saveResult(command, 'sockets', said, measurements);
      if (failed.length > 0) process.exitCode = 1;
    });
}

const MODES = ['down', 'up', 'http', 'churn', 'idle'] as const;
const LOSSES = [0.01, 0.05];
