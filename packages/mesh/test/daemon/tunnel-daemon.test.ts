import { getEventListeners } from 'node:events';
import { generateKeyPair, parseEndpoint, type Endpoint, type PrivateKey } from '@litz/core';
import { equalBytes } from '@litz/core/internals';
import type { ChangedPeer, DeviceChange, DeviceStatus, PeerChanges } from '@litz/config';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { TunnelConfig } from '../../src/daemon/tunnel-config.ts';
import type { DaemonClient } from '../../src/daemon/daemon-client.ts';
import { TunnelDaemon } from '../../src/daemon/tunnel-daemon.ts';

const OWN = generateKeyPair();
const BOB = generateKeyPair().publicKey;
const CONFIG: TunnelConfig = {
  own: OWN.publicKey,
  next: undefined,
  listenPort: 51871,
  fwmark: 0,
  peers: new Map(),
};
const WITH_BOB: TunnelConfig = {
  ...CONFIG,
  peers: new Map([
    [
      'n2',
      {
        keys: [BOB],
        endpoint: parseEndpoint('192.0.2.2:51871') as Endpoint,
        persistentKeepalive: 0,
        allowedIps: [],
      },
    ],
  ]),
};

let daemon: FakeDaemon;
let heard: string[];

beforeEach(() => {
  daemon = new FakeDaemon();
  heard = [];
});

describe('TunnelDaemon', () => {
  it('reads a daemon once, and then sends only differences', async () => {
    const tunnel = open();
    await daemon.starts();
    await tunnel.program(CONFIG);
    await tunnel.program(WITH_BOB);
    await tunnel.program(WITH_BOB);
    expect(daemon.gets).toBe(1);
    expect(daemon.sets).toMatchObject([{ listenPort: 51871 }, { peers: [{ publicKey: BOB }] }]);
    expect(daemon.privateKeys).toEqual([OWN.privateKey.toBase64()]);
    expect(tunnel.identities).toEqual({ own: OWN.publicKey, next: undefined });
    await tunnel.close();
  });

  it('accepts a map that was changed in place, if the caller names the changed peers', async () => {
    const tunnel = open();
    await daemon.starts();
    const peers = new Map(WITH_BOB.peers);
    await tunnel.program({ ...WITH_BOB, peers });
    const bob = peers.get('n2')!;
    peers.set('n2', { ...bob, persistentKeepalive: 25 });
    await tunnel.program({ ...WITH_BOB, peers }, new Set(['n2']));
    peers.delete('n2');
    // The same peer changes again while the request is on its way to the daemon.
    const gone = tunnel.program({ ...WITH_BOB, peers }, new Set(['n2']));
    await Promise.resolve();
    peers.set('n2', bob);
    await Promise.all([gone, tunnel.program({ ...WITH_BOB, peers }, new Set(['n2']))]);
    await tunnel.program({ ...WITH_BOB, peers }, new Set());
    expect(daemon.sets.slice(1)).toMatchObject([
      { peers: [{ publicKey: BOB, persistentKeepalive: 25 }] },
      { peers: [{ publicKey: BOB, remove: true }] },
      { peers: [{ publicKey: BOB, endpoint: bob.endpoint }] },
    ]);
    await tunnel.close();
  });

  it('after a refused request, sends everything that differs, not only the named peers', async () => {
    const tunnel = open();
    await daemon.starts();
    const peers = new Map(WITH_BOB.peers);
    daemon.refusal = new Error('errno -98');
    await tunnel.program({ ...WITH_BOB, peers: new Map() });
    daemon.refusal = undefined;
    await tunnel.program({ ...WITH_BOB, peers }, new Set());
    expect(daemon.sets).toMatchObject([{ peers: [{ publicKey: BOB }] }]);
    await tunnel.close();
  });

  it('sends nothing that a daemon already has', async () => {
    daemon.state = { listenPort: 51871, fwmark: 0, peers: [], privateKey: copyOf(OWN.privateKey) };
    const tunnel = open();
    await daemon.starts();
    await tunnel.program(CONFIG);
    expect(daemon.sets).toEqual([]);
    expect(tunnel.identities?.own).toEqual(OWN.publicKey);
    await tunnel.close();
  });

  it('sends all changes from one turn of the event loop in one request', async () => {
    const tunnel = open();
    await daemon.starts();
    const first = tunnel.program(CONFIG);
    const others = [1, 2, 3].map((fwmark) => tunnel.program({ ...WITH_BOB, fwmark }));
    await Promise.all([first, ...others]);
    expect(daemon.sets).toHaveLength(1);
    expect(daemon.sets[0]).toMatchObject({ fwmark: 3, peers: [{}] });
    await tunnel.close();
  });

  it('programs a daemon completely when it comes back', async () => {
    const tunnel = open();
    await daemon.starts();
    await tunnel.program(WITH_BOB);
    await daemon.ends();
    expect(tunnel.isUp).toBe(false);
    expect(tunnel.identities).toBeUndefined();
    daemon.state = { listenPort: 0, fwmark: 0, peers: [] };
    await daemon.starts();
    await turns();
    expect(daemon.sets[1]).toMatchObject({ listenPort: 51871, peers: [{ publicKey: BOB }] });
    expect(heard.slice(2)).toEqual(['up', 'peers 0 all', 'down: it ended', 'up', 'peers 0 all']);
    await tunnel.close();
  });

  it('reports all peers first, and then changes of peers', async () => {
    const tunnel = open();
    await daemon.starts();
    daemon.says({ isResync: false, cursor: 2, peers: [changed()] });
    await turns();
    expect(heard.slice(2)).toEqual(['up', 'peers 0 all', 'peers 1']);
    await tunnel.close();
  });

  it('reports once why a daemon cannot be reached, and once that it can be reached again', async () => {
    const tunnel = open();
    await daemon.untilLookedFor();
    await daemon.untilLookedFor();
    expect(heard).toEqual(['trouble: no socket']);
    await daemon.starts();
    expect(heard.slice(1, 3)).toEqual(['trouble: none', 'up']);
    await tunnel.close();
  });

  it('looks for a missing daemon again and again, and does not add a listener each time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    let signal: AbortSignal | undefined;
    let looks = 0;
    const client: DaemonClient = {
      path: '/nowhere/litz0.sock',
      get: () => daemon.get(),
      set: (change) => daemon.set(change),
      // eslint-disable-next-line require-yield
      async *changes(options) {
        looks++;
        ({ signal } = options);
        throw new Error('no socket');
      },
    };
    const tunnel = new TunnelDaemon({
      client,
      listener: { onUp() {}, onDown() {}, onPeers() {}, onTrouble() {} },
      privateKeyOf: () => copyOf(OWN.privateKey),
    });
    tunnel.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(looks).toBeGreaterThan(40);
    expect(getEventListeners(signal!, 'abort').length).toBeLessThan(3);
    await tunnel.close();
  });

  it('reads the daemon again after a refused request', async () => {
    const tunnel = open();
    await daemon.starts();
    daemon.refusal = new Error('errno -98');
    await tunnel.program(CONFIG);
    expect(heard.at(-1)).toBe('trouble: errno -98');
    daemon.refusal = undefined;
    await tunnel.program(CONFIG);
    expect([daemon.gets, daemon.sets.length, heard.at(-1)]).toEqual([2, 1, 'trouble: none']);
    await tunnel.close();
  });

  it('changes nothing in the daemon when the TunnelDaemon is closed', async () => {
    const tunnel = open();
    await daemon.starts();
    await tunnel.program(WITH_BOB);
    const { length } = daemon.sets;
    await tunnel.close();
    expect(daemon.sets).toHaveLength(length);
    expect(heard).not.toContain('down: it ended');
  });
});

function open(): TunnelDaemon {
  const tunnel = new TunnelDaemon({
    client: daemon,
    listener: {
      onUp: () => heard.push('up'),
      onDown: (reason) => heard.push(`down: ${reason}`),
      onPeers: (peers, isResync) => heard.push(`peers ${peers.length}${isResync ? ' all' : ''}`),
      onTrouble: (trouble) => heard.push(`trouble: ${trouble ?? 'none'}`),
    },
    privateKeyOf: (publicKey) => {
      expect(equalBytes(publicKey, OWN.publicKey)).toBe(true);
      return copyOf(OWN.privateKey);
    },
    waitForSocket: () => daemon.lookedFor(),
  });
  tunnel.start();
  return tunnel;
}

function copyOf(key: PrivateKey): PrivateKey {
  return key.slice() as PrivateKey;
}

function changed(): ChangedPeer {
  return { publicKey: BOB, isRemoved: false, endpoint: undefined, lastHandshakeUnixMs: 1 };
}

/** A daemon whose socket a test can create and remove. */
class FakeDaemon implements DaemonClient {
  readonly path = '/run/wireguard/litz0.sock';
  state: DeviceStatus = { listenPort: 0, fwmark: 0, peers: [] };
  gets = 0;
  readonly sets: DeviceChange[] = [];
  readonly privateKeys: string[] = [];
  refusal: Error | undefined = undefined;
  #isThere = false;
  #reports: (PeerChanges | Error)[] = [];
  #wake: () => void = () => {};
  #comes: () => void = () => {};

  get(): Promise<DeviceStatus> {
    this.gets++;
    return Promise.resolve(structuredCopy(this.state));
  }

  async set({ privateKey, ...change }: DeviceChange): Promise<void> {
    await Promise.resolve();
    if (this.refusal) throw this.refusal;
    if (privateKey) this.privateKeys.push((privateKey as PrivateKey).toBase64());
    this.sets.push(change);
  }

  async *changes({ signal }: { signal: AbortSignal }): AsyncGenerator<PeerChanges> {
    if (!this.#isThere) throw new Error('no socket');
    signal.addEventListener('abort', () => this.#wake());
    for (;;) {
      const report = this.#reports.shift();
      if (report instanceof Error) throw report;
      if (report) yield report;
      else if (signal.aborted) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async starts(): Promise<void> {
    this.#isThere = true;
    this.#reports = [{ isResync: true, cursor: 1, peers: [] }];
    await this.untilLookedFor();
  }

  async ends(): Promise<void> {
    this.#isThere = false;
    this.#reports = [new Error('it ended')];
    this.#wake();
    await turns();
  }

  says(report: PeerChanges): void {
    this.#reports.push(report);
    this.#wake();
  }

  /** Used as `waitForSocket`. Resolves when `untilLookedFor` is called. */
  lookedFor(): Promise<void> {
    return new Promise((resolve) => (this.#comes = resolve));
  }

  async untilLookedFor(): Promise<void> {
    await turns();
    this.#comes();
    await turns();
  }
}

function structuredCopy(state: DeviceStatus): DeviceStatus {
  const { privateKey } = state;
  return { ...state, ...(privateKey && { privateKey: copyOf(privateKey) }) };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}
