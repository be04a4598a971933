/**
 * Two namespaces, a WireGuard implementation in each, and the tunnel between them, driven by `wg`
 * and `ip` as a person would.
 *
 *   namespace a                                namespace b
 *   wg… 10.9.0.1, fd09::1                      wg… 10.9.0.2, fd09::2
 *   veth0 192.168.77.1, fd77::1  ------------  veth0 192.168.77.2, fd77::2
 *
 * @module
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { litz, type Implementation } from './implementation.ts';
import { eventually, Namespace, UNDERLAY } from './namespace.ts';

export const INNER = { v4: '10.9.0.', v6: 'fd09::' } as const;
let links = 0;

export interface TunnelOptions {
  /** Which family carries the tunnel. */
  outer: 'v4' | 'v6';
  presharedKey?: boolean;
  mtu?: number;
  /** Seconds, on side a. */
  keepalive?: number;
  /** Extra environment of Litz, on whichever side it runs. */
  env?: Record<string, string>;
}

/** One end. */
export interface End {
  readonly namespace: Namespace;
  readonly link: string;
  readonly publicKey: string;
  readonly inner: { v4: string; v6: string };
  readonly outer: { v4: string; v6: string };
}

export class Tunnel {
  readonly a: End;
  readonly b: End;

  private constructor(a: End, b: End) {
    this.a = a;
    this.b = b;
  }

  /** Brings both ends up; no packet has been sent when it returns, unless by keepalives. */
  static async create(
    left: Implementation,
    right: Implementation,
    options: TunnelOptions,
  ): Promise<Tunnel> {
    const namespaces = [await Namespace.create('a'), await Namespace.create('b')] as const;
    try {
      await Namespace.join(...namespaces);
      const keys = [await newKeys(namespaces[0]), await newKeys(namespaces[1])];
      const ends = await Promise.all(
        [left, right].map((implementation, i) =>
          startEnd(implementation, namespaces[i], keys[i], i + 1, options),
        ),
      );
      const tunnel = new Tunnel(ends[0], ends[1]);
      await tunnel.#introduce(options);
      return tunnel;
    } catch (error) {
      for (const namespace of namespaces) await namespace.remove();
      throw error;
    }
  }

  async #introduce({ outer, presharedKey, keepalive }: TunnelOptions): Promise<void> {
    const psk = presharedKey ? (await this.a.namespace.run('wg', 'genpsk')).trim() : undefined;
    for (const [end, other] of this.#bothWays()) {
      const host = outer === 'v6' ? `[${other.outer.v6}]` : other.outer.v4;
      const args = ['set', end.link, 'peer', other.publicKey];
      args.push('endpoint', `${host}:51820`);
      args.push('allowed-ips', `${other.inner.v4}/32,${other.inner.v6}/128`);
      if (keepalive && end === this.a) args.push('persistent-keepalive', String(keepalive));
      await withKeyFile(psk ?? '', async (file) => {
        if (psk) args.push('preshared-key', file);
        await end.namespace.run('wg', ...args);
      });
    }
  }

  #bothWays(): [End, End][] {
    return [
      [this.a, this.b],
      [this.b, this.a],
    ];
  }

  /** One field of `wg show`, as the end sees the other: 'endpoints', 'transfer', 'latest-handshakes'. */
  async show(end: End, field: string): Promise<string[]> {
    const output = await end.namespace.run('wg', 'show', end.link, field);
    return output.trim().split(/\s+/).slice(1);
  }

  async remove(): Promise<void> {
    for (const end of [this.a, this.b]) {
      await end.namespace.remove();
      rmSync(socketPath(end.link), { force: true });
    }
  }
}

/** Pings from one end. @returns how many were answered; @throws if none was */
export async function ping(
  from: End,
  address: string,
  { count = 3, size = 56 }: { count?: number; size?: number } = {},
): Promise<number> {
  // prettier-ignore
  const output = await from.namespace.run('ping', '-c', `${count}`, '-i', '0.05', '-W', '5', '-s', `${size}`, '-q', address);
  return Number(/(\d+) received/.exec(output)?.[1]);
}

/** Sends `bytes` over TCP through the tunnel. @returns both sides' SHA-256 */
export async function transfer(
  from: End,
  to: End,
  family: 'v4' | 'v6',
  bytes: number,
): Promise<{ sent: string; received: string }> {
  const script = `${import.meta.dirname}/transfer.mjs`;
  const address = to.inner[family];
  const receiver = to.namespace.start(process.execPath, [script, 'receive', address, '5001']);
  await eventually('the receiver listens', () => receiver.output().includes('listening'));
  const sent = await from.namespace.run(
    process.execPath,
    script,
    'send',
    address,
    '5001',
    `${bytes}`,
  );
  await eventually('the receiver has it all', () => /[0-9a-f]{64}/.test(receiver.output()));
  return { sent: sent.trim(), received: /[0-9a-f]{64}/.exec(receiver.output())![0] };
}

/** Sends UDP datagrams and waits for each echo. @returns how many came back equal */
export async function echoDatagrams(
  from: End,
  to: End,
  { count, size }: { count: number; size: number },
): Promise<number> {
  const script = `${import.meta.dirname}/transfer.mjs`;
  const echo = to.namespace.start(process.execPath, [script, 'echo', to.inner.v4, '5002']);
  await eventually('the echo listens', () => echo.output().includes('listening'));
  // prettier-ignore
  const equal = await from.namespace.run(
    process.execPath, script, 'datagrams', to.inner.v4, '5002', `${count}`, `${size}`,
  );
  echo.process.kill();
  return Number(equal);
}

function socketPath(link: string): string {
  return `/var/run/wireguard/${link}.sock`;
}

async function newKeys(namespace: Namespace): Promise<{ privateKey: string; publicKey: string }> {
  const privateKey = (await namespace.run('wg', 'genkey')).trim();
  const publicKey = (await namespace.runWithInput(privateKey, 'wg', 'pubkey')).trim();
  return { privateKey, publicKey };
}

/** `wg` takes keys from files only. */
async function withKeyFile(key: string, use: (file: string) => Promise<unknown>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'litz-key-'));
  try {
    const file = join(folder, 'key');
    writeFileSync(file, `${key}\n`, { mode: 0o600 });
    await use(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function startEnd(
  implementation: Implementation,
  namespace: Namespace,
  keys: { privateKey: string; publicKey: string },
  number: number,
  options: TunnelOptions,
): Promise<End> {
  // Socket files stand in one folder for all namespaces: the name must be unique on this machine.
  const link = `lz${process.pid % 100_000}x${++links}`;
  const daemon = namespace.start(implementation.program!, implementation.arguments(link), {
    ...implementation.env,
    ...(implementation === litz && options.env),
  });
  await eventually(`${implementation.name} serves ${socketPath(link)}`, () => {
    if (daemon.process.exitCode !== null) throw new Error(daemon.output());
    return existsSync(socketPath(link));
  });
  await withKeyFile(keys.privateKey, (file) =>
    namespace.run('wg', 'set', link, 'private-key', file, 'listen-port', '51820'),
  );
  const inner = { v4: `${INNER.v4}${number}`, v6: `${INNER.v6}${number}` };
  await namespace.run('ip', 'link', 'set', link, 'mtu', String(options.mtu ?? 1420));
  await namespace.addAddresses(link, `${inner.v4}/24`, `${inner.v6}/64`);
  return {
    namespace,
    link,
    publicKey: keys.publicKey,
    inner,
    outer: { v4: `${UNDERLAY.v4}${number}`, v6: `${UNDERLAY.v6}${number}` },
  };
}
