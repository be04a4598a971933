import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Host, removeSockets, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { realInterfaces } from '../litz-process.ts';
import { wgQuick, wgQuickPrograms } from '../wg-quick-program.ts';

const NAME = uniqueName('h');
let host: Host;
let before: unknown;

function withHost(): void {
  beforeEach(() => {
    host = new Host();
    before = host.state();
  });
  afterEach(async () => {
    await host.close();
    removeSockets();
  });
}

describeWith(realInterfaces, 'the hooks of litz up', () => {
  withHost();

  it('get the variables of litz up, write to its output, and can use wg', async () => {
    const file = write(
      'PostUp = wg show %i listen-port; echo "$INTERFACE $CONFIG_FILE"; id -u >&2',
    );
    const tunnel = host.litz(['up', file]);
    await tunnel.says(/: up,/);
    expect(tunnel.text).toContain(`51820\n${NAME} ${file}\n0\n`);
    expect(await tunnel.end('SIGTERM')).toBe(0);
  });

  it('make litz undo everything and name the line if one of them fails', async () => {
    const tunnel = host.litz(['up', write('PostUp = true', 'PostUp = echo no >&2; exit 7')]);
    expect(await tunnel.end()).toBe(1);
    expect(tunnel.text).toMatch(/no\nlitz: .*\.conf:5: PostUp: .*: it ended with exit code 7\n$/);
    expect(host.state()).toEqual(before);
  });

  it('are killed if litz gets a signal while a hook hangs, and nothing is left behind', async () => {
    const tunnel = host.litz(['up', write('PostUp = echo waits; sleep 654; true')]);
    await tunnel.says(/^waits$/m);
    expect(await tunnel.end('SIGTERM')).toBe('SIGTERM');
    expect(host.state()).toEqual(before);
    await expect(host.run('pgrep', ['-f', '^sleep 654$'])).rejects.toThrow('Command failed');
  });

  it('have a time limit', async () => {
    const file = write('PreDown = sleep 655', 'PostUp = true');
    const tunnel = host.litz(['up', '--hook-timeout', '0.3', file]);
    await tunnel.says(/: up,/);
    expect(await tunnel.end('SIGTERM')).toBe(1);
    expect(tunnel.text).toMatch(/PreDown: .*: it did not end within 0\.3 s/);
    expect(host.state()).toEqual(before);
  });

  it('are left out if --ignore hooks is given', async () => {
    const tunnel = host.litz([
      'up',
      '--ignore',
      'dns,hooks',
      write('DNS = 192.0.2.1', 'PreUp = exit 1'),
    ]);
    await tunnel.says(/: up,/);
    expect(await tunnel.end('SIGTERM')).toBe(0);
    expect(tunnel.text).not.toMatch(/DNS|PreUp/);
  });

  it('of down (PreDown and PostDown) run also when another program deletes the interface', async () => {
    const tunnel = host.litz(['up', write('PreDown = echo pre', 'PostDown = echo post')]);
    await tunnel.says(/: up,/);
    await host.run('ip', ['link', 'delete', NAME]);
    expect(await tunnel.end()).toBe(0);
    expect(tunnel.text).toMatch(/^pre$(.|\n)*^post$/m);
  });

  it('can set the private key of the tunnel; if there is no key, litz warns', async () => {
    const key = host.write('key', [keyPair().privateKey]);
    const withHook = ['[Interface]', `PostUp = wg set %i private-key ${key}`];
    const quiet = host.litz(['up', host.write(`${NAME}.conf`, withHook)]);
    await quiet.says(/: up,/);
    await quiet.end('SIGTERM');
    expect(quiet.text).not.toContain('Warning');
    const warned = host.litz(['up', host.write(`${NAME}.conf`, ['[Interface]'])]);
    await warned.says(/Warning: there is no PrivateKey, so no peer can be reached/);
    await warned.end('SIGTERM');
  });
});

describeWith(
  [...realInterfaces, ...wgQuickPrograms, programRequirement('wireguard')],
  'the hooks of litz up and of wg-quick',
  () => {
    withHost();

    /** The hooks write lines into a file. A tunnel that came up is also taken down. */
    it.each([
      [
        'that succeed',
        [
          'PostDown = log 6',
          'PreUp = log 1',
          'PostUp = log 2; log %i',
          'PostUp = log 3',
          'PreDown = log 4 # no',
          'PreDown = log 5,6',
        ],
      ],
      [
        'with a PreUp that fails',
        [
          'PreUp = log 1',
          'PreUp = false; log 2',
          'PreUp = log 3',
          'PostUp = log 4',
          'PostDown = log 5',
        ],
      ],
      [
        'with a PostUp that fails',
        [
          'PreUp = log 1',
          'PostUp = log 2; exit 3; log 3',
          'PostUp = log 4',
          'PreDown = log 5',
          'PostDown = log 6',
        ],
      ],
      [
        'with a PostUp that fails in a pipe',
        ['PreUp = log 0', 'PostUp = false | true', 'PostUp = log 1', 'PostDown = log 2'],
      ],
      [
        'with the syntax of bash',
        [
          'PostUp = [[ %i == @(l*|x) ]] && log <(true) | cat',
          'PostUp = x=(a b); log ${#x[@]} ${x[1]}',
          'PostUp = if false; then log 1; fi; log "$LC_ALL"',
        ],
      ],
    ])('run the same commands: hooks %s', async (_, hooks) => {
      const [ours, theirs] = [await withLitz(hooks), await withWgQuick(hooks)];
      expect(ours.log).not.toEqual([]);
      expect(ours).toEqual(theirs);
      expect(host.state()).toEqual(before);
    });
  },
);

interface Outcome {
  readonly isUp: boolean;
  readonly log: string[];
}

async function withLitz(hooks: readonly string[]): Promise<Outcome> {
  const tunnel = host.litz(['up', writeLogged(hooks)], { env: { LOG_LEVEL: 'verbose' } });
  const isUp = await tunnel.says(/: up,/).then(
    () => true,
    () => false,
  );
  await tunnel.end('SIGTERM');
  return { isUp, log: logged() };
}

async function withWgQuick(hooks: readonly string[]): Promise<Outcome> {
  const file = writeLogged(hooks);
  const isUp = await wgQuick(host, 'up', file, 'wireguard').then(
    () => true,
    () => false,
  );
  if (isUp) await wgQuick(host, 'down', file, 'wireguard');
  return { isUp, log: logged() };
}

/**
 * Writes a tunnel file. `log WORDS` in a hook writes a line into the file `log`. The word
 * `log` is replaced by a program, so that litz and wg-quick can run it.
 */
function writeLogged(hooks: readonly string[]): string {
  const log = host.write('log', ['BEGIN']);
  const program = host.write('log.sh', [
    '#!/bin/bash',
    `echo "\${@//\\/dev\\/fd\\/*/FD}" >> ${log}`,
  ]);
  return write(...hooks.map((hook) => hook.replace(/\blog\b(?= )/g, `bash ${program}`)));
}

function logged(): string[] {
  return readFileSync(join(host.folder, 'log'), 'utf8').trimEnd().split('\n').slice(1);
}

/** Writes a tunnel file. The first of `lines` is line 4. @returns the path of the file */
function write(...lines: readonly string[]): string {
  const { privateKey } = keyPair();
  const head = ['[Interface]', `PrivateKey = ${privateKey}`, 'ListenPort = 51820'];
  return host.write(`${NAME}.conf`, [...head, ...lines]);
}
