import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTimeOf } from '../../src/quick/resolver-records.ts';
import { Resolver, type ResolverPlaces } from '../../src/quick/resolver.ts';

const DNS = { servers: ['192.0.2.53', '2001:db8::53'], searchDomains: ['a.example', 'b.example'] };
const BEFORE = '# mine\nnameserver 198.51.100.1\n';

let root: string;
let places: ResolverPlaces;
let resolver: Resolver;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'litz-resolver-'));
  mkdirSync(join(root, 'bin'));
  places = {
    records: join(root, 'run/litz/dns'),
    resolvConf: join(root, 'resolv.conf'),
    interfaceOrder: join(root, 'interface-order'),
    resolved: join(root, 'resolve'),
    programs: join(root, 'bin'),
  };
  resolver = new Resolver(places, () => ({ close() {} }));
  writeFileSync(places.resolvConf, BEFORE, { mode: 0o640 });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('Resolver with /etc/resolv.conf', () => {
  test('writes servers and search domains, and puts text and mode back', () => {
    resolver.set('wg0', DNS);
    expect(lines()).toEqual([
      'nameserver 192.0.2.53',
      'nameserver 2001:db8::53',
      'search a.example b.example',
    ]);
    expect(modeOf(places.resolvConf)).toBe(0o640);
    expect(resolver.restore('wg0')).toBeUndefined();
    expect(text()).toBe(BEFORE);
    expect(modeOf(places.resolvConf)).toBe(0o640);
    expect(leftIn(places.records)).toEqual(['tunnels']);
  });

  test('puts back a file whose bytes are not UTF-8', () => {
    const bytes = Buffer.from([0x23, 0xff, 0xc3, 0x28, 0x0a]);
    writeFileSync(places.resolvConf, bytes);
    resolver.set('wg0', DNS);
    resolver.restore('wg0');
    expect(readFileSync(places.resolvConf)).toEqual(bytes);
  });

  test('replaces a symbolic link, and never writes through it', () => {
    rmSync(places.resolvConf);
    writeFileSync(join(root, 'stub.conf'), 'nameserver 127.0.0.53\n');
    symlinkSync('stub.conf', places.resolvConf);
    resolver.set('wg0', DNS);
    expect(lines()).toContain('nameserver 192.0.2.53');
    expect(readFileSync(join(root, 'stub.conf'), 'utf8')).toBe('nameserver 127.0.0.53\n');
    expect(resolver.restore('wg0')).toBeUndefined();
    expect(readlinkSync(places.resolvConf)).toBe('stub.conf');
  });

  test('removes the file at the end if there was none before', () => {
    rmSync(places.resolvConf);
    resolver.set('wg0', DNS);
    expect(modeOf(places.resolvConf)).toBe(0o644);
    resolver.restore('wg0');
    expect(existsSync(places.resolvConf)).toBe(false);
  });

  test('does not overwrite what another program has written meanwhile, and says so', () => {
    resolver.set('wg0', DNS);
    writeFileSync(places.resolvConf, 'nameserver 203.0.113.1\n');
    expect(resolver.restore('wg0')).toMatch(/changed by another program meanwhile: it stays/);
    expect(text()).toBe('nameserver 203.0.113.1\n');
    expect(leftIn(places.records)).toEqual(['tunnels']);
  });

  test.each([
    ['first', ['wg0', 'wg1']],
    ['last', ['wg1', 'wg0']],
  ])(
    'restores the file after two tunnels, whichever ends first (here the one that began %s)',
    (_, order) => {
      resolver.set('wg0', DNS);
      resolver.set('wg1', { servers: ['192.0.2.99'], searchDomains: [] });
      expect(lines()).toEqual(['nameserver 192.0.2.99']);
      resolver.restore(order[0]);
      expect(lines()[0]).toBe(
        order[0] === 'wg0' ? 'nameserver 192.0.2.99' : 'nameserver 192.0.2.53',
      );
      resolver.restore(order[1]);
      expect(text()).toBe(BEFORE);
    },
  );

  test('restores what another program wrote between the starts of two tunnels', () => {
    resolver.set('wg0', DNS);
    writeFileSync(places.resolvConf, 'nameserver 203.0.113.1\n');
    resolver.set('wg1', DNS);
    resolver.restore('wg1');
    resolver.restore('wg0');
    expect(text()).toBe('nameserver 203.0.113.1\n');
  });

  test.each(['run/litz/dns', 'run/litz'])(
    'ignores records that another user may have written: %s',
    (folder) => {
      resolver.set('wg0', DNS);
      killed('wg0');
      writeFileSync(
        join(places.records, 'before'),
        JSON.stringify({
          type: 'file',
          text: 'nameserver 203.0.113.66\n',
          mode: 0o644,
          uid: 0,
          gid: 0,
        }),
      );
      const set = text();
      chmodSync(join(root, folder), 0o777);
      expect(resolver.restoreLeftOver()).toEqual([]);
      expect(resolver.restore('wg0')).toBeUndefined();
      expect(text()).toBe(set);
      expect(() => resolver.set('wg1', DNS)).toThrow(/others may write to it.*\(chmod go-w \S+\)$/);
    },
  );

  test('restores the file after several processes were killed', () => {
    resolver.set('wg0', DNS);
    resolver.set('wg1', { servers: ['192.0.2.99'], searchDomains: [] });
    killed('wg0');
    killed('wg1');
    expect(resolver.restoreLeftOver()).toEqual([
      'put back the DNS servers that a killed wg0 left',
      'put back the DNS servers that a killed wg1 left',
    ]);
    expect(text()).toBe(BEFORE);
    expect(resolver.restoreLeftOver()).toEqual([]);
  });

  test('keeps the servers of a tunnel that is up when another one was killed', () => {
    resolver.set('wg0', DNS);
    resolver.set('wg1', { servers: ['192.0.2.99'], searchDomains: [] });
    killed('wg1');
    resolver.restoreLeftOver();
    expect(lines()).toContain('nameserver 192.0.2.53');
    resolver.restore('wg0');
    expect(text()).toBe(BEFORE);
  });

  test('reports no change by another program if a process was killed before it wrote the file', () => {
    resolver.set('wg0', DNS);
    killed('wg0');
    writeFileSync(places.resolvConf, BEFORE, { mode: 0o640 });
    expect(resolver.restoreLeftOver()).toEqual(['put back the DNS servers that a killed wg0 left']);
    expect(text()).toBe(BEFORE);
  });

  test('changes nothing if the change cannot be recorded', () => {
    writeFileSync(join(root, 'run'), 'a file in place of a folder');
    expect(() => resolver.set('wg0', DNS)).toThrow(/cannot record what must be put back later: /);
    expect(text()).toBe(BEFORE);
  });

  test('refuses a folder of records that another user may write to', () => {
    mkdirSync(places.records, { recursive: true });
    chmodSync(places.records, 0o777);
    expect(() => resolver.set('wg0', DNS)).toThrow(/has mode 0777/);
    expect(text()).toBe(BEFORE);
  });

  test('makes records that only their owner can read', () => {
    resolver.set('wg0', DNS);
    expect(modeOf(places.records)).toBe(0o700);
    expect(modeOf(join(places.records, 'before'))).toBe(0o600);
    expect(modeOf(join(places.records, 'tunnels/wg0'))).toBe(0o600);
  });
});

describe('Resolver with programs', () => {
  test('prefers resolvconf, and calls it as wg-quick does', () => {
    program('resolvconf');
    program('resolvectl');
    mkdirSync(places.resolved);
    writeFileSync(places.interfaceOrder, 'lo.inet*\ntun*\n');
    resolver.set('wg0', DNS);
    resolver.restore('wg0');
    expect(calls()).toEqual([
      'resolvconf -a tun.wg0 -m 0 -x < nameserver 192.0.2.53|nameserver 2001:db8::53|search a.example b.example|',
      'resolvconf -d tun.wg0 -f < ',
    ]);
    expect(text()).toBe(BEFORE);
  });

  test('uses resolvectl while systemd-resolved runs', () => {
    program('resolvectl');
    mkdirSync(places.resolved);
    resolver.set('wg0', DNS);
    resolver.restore('wg0');
    expect(calls()).toEqual([
      'resolvectl dns wg0 192.0.2.53 2001:db8::53 < ',
      'resolvectl domain wg0 a.example b.example ~. < ',
      'resolvectl revert wg0 < ',
    ]);
  });

  test('does not use resolvectl if systemd-resolved does not run', () => {
    program('resolvectl');
    resolver.set('wg0', DNS);
    expect(calls()).toEqual([]);
    expect(lines()).toContain('nameserver 192.0.2.53');
  });

  test.each(['resolvconf', 'resolvectl'])('says why %s failed, and leaves no record', (name) => {
    program(name, 'echo first >&2; echo no such thing >&2; exit 4');
    mkdirSync(places.resolved);
    expect(() => resolver.set('wg0', DNS)).toThrow(/: exit code 4: no such thing$/);
    expect(leftIn(join(places.records, 'tunnels'))).toEqual([]);
  });

  test('removes from resolvconf what a killed process left', () => {
    program('resolvconf');
    resolver.set('wg0', DNS);
    killed('wg0');
    resolver.restoreLeftOver();
    expect(calls().at(-1)).toBe('resolvconf -d wg0 -f < ');
  });
});

describe('startTimeOf', () => {
  test('differs between processes, and is undefined for a process that has ended', () => {
    const { pid } = spawnSync('true');
    expect(startTimeOf(process.pid)).toMatch(/^\d+$/);
    expect(startTimeOf(process.pid)).not.toBe(startTimeOf(1));
    expect(startTimeOf(pid)).toBeUndefined();
  });
});

/** Makes a record look like that of a process which has ended. */
function killed(tunnel: string): void {
  const path = join(places.records, 'tunnels', tunnel);
  const record = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...record, startTime: '0' }));
}

function program(name: string, script = ''): void {
  const log = join(root, 'calls');
  const lines = [
    '#!/bin/sh',
    'PATH=/usr/bin:/bin',
    `echo "${name} $* < $(tr '\\n' '|')" >> ${log}`,
  ];
  writeFileSync(join(root, 'bin', name), [...lines, script, ''].join('\n'), { mode: 0o755 });
}

function calls(): string[] {
  const log = join(root, 'calls');
  return existsSync(log)
    ? readFileSync(log, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(/< ?$/, '< '))
    : [];
}

function text(): string {
  return readFileSync(places.resolvConf, 'utf8');
}

/** The lines of the file without comments. */
function lines(): string[] {
  return text()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function leftIn(folder: string): string[] {
  return readdirSync(folder);
}

function modeOf(path: string): number {
  return lstatSync(path).mode & 0o7777;
}
