import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { keyToHex, type ChangedPeer, type DevicePeerStatus, type DeviceStatus } from '@litz/config';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PeerFeed } from '../../src/uapi/peer-feed.ts';
import { RequestMemory } from '../../src/uapi/request-memory.ts';
import type { UapiTarget } from '../../src/uapi/uapi-answers.ts';
import { BOB } from '../in-memory.ts';
import { UapiConnection, type UapiConnectionOptions } from '../../src/uapi/uapi-connection.ts';

const EMPTY: DeviceStatus = { listenPort: 1, fwmark: 0, peers: [] };
const PEER: DevicePeerStatus = {
  publicKey: BOB.publicKey,
  persistentKeepalive: 0,
  allowedIps: [],
  lastHandshakeUnixMs: 0,
  receivedBytes: 0,
  sentBytes: 0,
};
const CHANGED: ChangedPeer = {
  publicKey: BOB.publicKey,
  isRemoved: false,
  endpoint: undefined,
  lastHandshakeUnixMs: 0,
};
const PEER_LINE = `public_key=${keyToHex(BOB.publicKey)}\n`;
const EMPTY_ANSWER = 'listen_port=1\nerrno=0\n\n';

let memory: RequestMemory;
beforeEach(() => {
  memory = new RequestMemory(10_000);
});

describe('UapiConnection', () => {
  it.each([
    ['a get', 'get=1\n\n', EMPTY_ANSWER],
    ['a get without its empty line', 'get=1\n', EMPTY_ANSWER],
    ['a set', 'set=1\nlisten_port=1\n\n', 'errno=0\n\n'],
    ['a set without its empty line', 'set=1\nlisten_port=1\n', 'errno=0\n\n'],
    ['a set whose last line has no end', 'set=1\nlisten_port=1', 'errno=0\n\n'],
    ['a set that is wrong', 'set=1\nlisten_port=x\n\n', 'errno=-22\n\n'],
    ['both', 'set=1\nlisten_port=1\n\nget=1\n\n', `errno=0\n\n${EMPTY_ANSWER}`],
    ['nothing', '', ''],
    ['no request', 'hello\n', ''],
  ])('answers a client that has closed its writing side: %s', async (_, request, answer) => {
    const client = open();
    client.say(request);
    client.hangUp();
    await client.ended;
    expect(client.heard).toBe(answer);
    expect(client.configured).toBe(/^set=1\n.*=1/.test(request) ? 1 : 0);
    expect(client.onClosed).toHaveBeenCalledOnce();
  });

  it('reads nothing while it answers', async () => {
    const held = gate();
    const asked: string[] = [];
    const client = open({
      status: async () => {
        asked.push('get');
        await held.opened;
        return EMPTY;
      },
      configure: () => Promise.resolve(void asked.push('set')),
    });
    client.say('get=1\n\n');
    await turns();
    client.say('set=1\n\n');
    await turns();
    expect(asked).toEqual(['get']);
    expect(client.isPaused()).toBe(true);
    held.open();
    await turns();
    expect(asked).toEqual(['get', 'set']);
    expect(client.heard).toBe(`${EMPTY_ANSWER}errno=0\n\n`);
    expect(client.isPaused()).toBe(false);
  });

  it('reads the next part of an answer when the client has read the previous one', async () => {
    let parts = 0;
    const target = {
      async *statusParts(): AsyncGenerator<DeviceStatus> {
        for (;;) {
          parts++;
          yield await Promise.resolve(EMPTY);
        }
      },
    };
    const client = open(target);
    client.isReading = false;
    client.say('get=1\n\n');
    await turns();
    expect(parts).toBe(1);
    client.takeIt();
    await turns();
    expect(parts).toBe(2);
    client.destroy();
  });

  it('stops reading parts when the client disconnects', async () => {
    const ended = vi.fn<() => void>();
    const target = {
      async *statusParts(): AsyncGenerator<DeviceStatus> {
        try {
          for (;;) yield await Promise.resolve(EMPTY);
        } finally {
          ended();
        }
      },
    };
    const client = open(target);
    client.isReading = false;
    client.say('get=1\n\n');
    await turns();
    client.destroy();
    await turns();
    expect(ended).toHaveBeenCalledOnce();
  });

  it('ends an answer with the errno if an error happens in the middle of it', async () => {
    const target = {
      async *statusParts(): AsyncGenerator<DeviceStatus> {
        yield await Promise.resolve(EMPTY);
        throw new Error('closed');
      },
    };
    const client = open(target);
    client.say('get=1\n\n');
    await turns();
    expect(client.heard).toBe('listen_port=1\nerrno=-5\n\n');
    expect(client.refusals).toEqual(['closed']);
  });

  describe('with a client that follows changes', () => {
    let tell: (peer: ChangedPeer) => void;
    let feed: PeerFeed;
    const unfollow = vi.fn<() => void>();

    beforeEach(() => {
      unfollow.mockClear();
      const options = { capacity: 4, maxReaders: 2, firstCursor: () => 100 };
      feed = new PeerFeed((listener) => {
        tell = listener;
        return unfollow;
      }, options);
    });

    afterEach(() => feed.close());

    it('sends all peers first, and then each change', async () => {
      const peers = [{ ...PEER, lastHandshakeUnixMs: 1500 }];
      const client = open({ status: () => Promise.resolve({ ...EMPTY, peers }) }, { feed });
      client.say('litz_changes=0\n\n');
      await turns();
      const times = 'last_handshake_time_sec=1\nlast_handshake_time_nsec=500000000\n';
      expect(client.heard).toBe(`litz_resync=true\n${PEER_LINE}${times}litz_cursor=100\n\n`);
      client.heard = '';
      tell({ ...CHANGED, isRemoved: true });
      await turns();
      expect(client.heard).toBe(`${PEER_LINE}litz_removed=true\nlitz_cursor=101\n\n`);
      client.destroy();
    });

    it("continues from the client's cursor, and answers at once even if nothing has changed", async () => {
      const first = open({}, { feed });
      first.say('litz_changes=0\n\n');
      await turns();
      tell({ ...CHANGED, isRemoved: true });
      tell({ ...CHANGED, isRemoved: true });
      first.hangUp();
      await first.ended;
      const [behind, upToDate] = [open({}, { feed }), open({}, { feed })];
      behind.say('litz_changes=101\n\n');
      upToDate.say('litz_changes=102\n\n');
      await turns();
      expect(behind.heard).toBe(`${PEER_LINE}litz_removed=true\nlitz_cursor=102\n\n`);
      expect(upToDate.heard).toBe('litz_cursor=102\n\n');
      behind.destroy();
      upToDate.destroy();
    });

    it('sends all peers for an unknown cursor', async () => {
      const client = open({}, { feed });
      client.say('litz_changes=7\n\n');
      await turns();
      expect(client.heard).toBe('litz_resync=true\nlitz_cursor=100\n\n');
      client.destroy();
    });

    it('sends all peers again when the client reads too slowly, and keeps no changes for this client', async () => {
      const client = open({}, { feed });
      client.say('litz_changes=0\n\n');
      await turns();
      client.isReading = false;
      for (let i = 0; i < 2; i++) tell({ ...CHANGED, isRemoved: true });
      await turns();
      for (let i = 0; i < 9; i++) tell({ ...CHANGED, isRemoved: true });
      client.isReading = true;
      client.heard = '';
      client.takeIt();
      await turns();
      expect(client.heard).toBe('litz_resync=true\nlitz_cursor=111\n\n');
      client.destroy();
    });

    it('stays open while nothing changes, but closes when the client does not read', async () => {
      const client = open({}, { feed });
      client.say('litz_changes=0\n\n');
      await turns();
      client.standStill();
      await turns();
      expect(client.destroyed).toBe(false);
      expect(client.connection.quietMs).toBe(0);
      client.isReading = false;
      tell(CHANGED);
      await turns();
      client.standStill();
      await client.ended;
    });

    it.each([
      ['hangs up', (client: Client) => client.hangUp()],
      ['sends more', (client: Client) => client.say('get=1\n\n')],
      ['is gone', (client: Client) => client.destroy()],
    ])('closes when the client %s', async (_, leave) => {
      const client = open({}, { feed });
      client.say('litz_changes=0\n\n');
      await turns();
      leave(client);
      await client.ended;
      await turns();
      feed.close();
      expect(unfollow).toHaveBeenCalledOnce();
      expect(client.heard).toBe('litz_resync=true\nlitz_cursor=100\n\n');
    });

    it('refuses the request when there are too many readers, or the target reports no changes', async () => {
      const followers = [open({}, { feed }), open({}, { feed }), open({}, { feed }), open()];
      for (const client of followers) client.say('litz_changes=0\n\n');
      await turns();
      expect(followers.slice(2).map(({ heard }) => heard)).toEqual([
        'errno=-16\n\n',
        'errno=-22\n\n',
      ]);
      for (const client of followers) client.destroy();
    });

    it('answers with the errno of an error, and ends the connection', async () => {
      const client = open({ status: () => Promise.reject(new Error('closed')) }, { feed });
      client.say('litz_changes=0\n\n');
      await turns();
      expect(client.heard).toBe('litz_resync=true\nerrno=-5\n\n');
      expect(client.writableEnded).toBe(true);
      client.destroy();
      expect(client.refusals).toEqual(['closed']);
    });
  });

  describe('with an idle client', () => {
    it('closes before the first request', async () => {
      const client = open();
      client.standStill();
      await client.ended;
      expect(client.heard).toBe('');
    });

    it('answers EIO in the middle of a request, and does not carry it out', async () => {
      const client = open();
      client.say('set=1\nlisten_port=1\n');
      await turns();
      client.standStill();
      await client.ended;
      expect(client.heard).toBe('errno=-5\n\n');
      expect(client.refusals).toEqual(['a client began a request and did not complete it']);
      expect([client.configured, memory.total]).toEqual([0, 0]);
    });

    it('stays open between two requests', async () => {
      const client = open();
      client.say('get=1\n\n');
      await turns();
      client.standStill();
      await turns();
      client.say('get=1\n\n');
      await turns();
      expect(client.heard).toBe(EMPTY_ANSWER + EMPTY_ANSWER);
      expect(client.destroyed).toBe(false);
    });

    it('stays open while the device works on a request', async () => {
      const held = gate();
      const status = async (): Promise<DeviceStatus> => {
        await held.opened;
        return EMPTY;
      };
      const client = open({ status });
      client.say('get=1\n\n');
      await turns();
      client.standStill();
      await turns();
      held.open();
      await turns();
      expect(client.heard).toBe(EMPTY_ANSWER);
    });

    it('closes when the client does not read its answer', async () => {
      const client = open();
      client.say('get=1\n\n');
      await turns();
      client.isReading = false;
      client.say('get=1\n\n');
      await turns();
      client.standStill();
      await turns();
      expect(client.destroyed).toBe(true);
      expect(client.onClosed).toHaveBeenCalledOnce();
    });

    it('closes when a refused client does not hang up', async () => {
      const client = open();
      client.say('hello\n');
      await turns();
      expect(client.destroyed).toBe(false);
      client.standStill();
      await turns();
      expect(client.destroyed).toBe(true);
    });
  });

  describe('with a request that takes too much memory', () => {
    it('answers ENOMEM and reads the rest of the request, so that the client reads the answer', async () => {
      const client = open();
      const line = 'persistent_keepalive_interval=1\n';
      client.say(`set=1\n${line.repeat(100)}`);
      await turns();
      expect(memory.total).toBeGreaterThan(3000);
      client.say(line.repeat(300));
      await turns();
      expect(client.heard).toBe('errno=-12\n\n');
      expect(memory.total).toBe(0);
      client.say(`${line.repeat(1000)}\nget=1\n\n`);
      client.hangUp();
      await client.ended;
      expect(client.heard).toBe('errno=-12\n\n');
      expect(client.configured).toBe(0);
    });

    it('carries out the requests of other connections', async () => {
      const [large, small] = [open(), open()];
      large.say(`set=1\n${'a=1\n'.repeat(2000)}`);
      small.say(`set=1\nlisten_port=1\n`);
      await turns();
      small.say('listen_port=2\n'.repeat(150));
      await turns();
      expect([large.heard, small.heard]).toEqual(['errno=-12\n\n', '']);
      expect([large.refusals.length, small.refusals.length]).toEqual([1, 0]);
      small.say('\n');
      await turns();
      expect([small.heard, small.configured]).toEqual(['errno=0\n\n', 1]);
      expect(memory.total).toBe(0);
    });

    it('answers the earlier requests of the connection', async () => {
      const held = gate();
      const status = async (): Promise<DeviceStatus> => {
        await held.opened;
        return EMPTY;
      };
      const client = open({ status });
      client.say(`get=1\n\nset=1\n${'a=1\n'.repeat(1000)}`);
      await turns();
      client.connection.refuseUnfinished();
      await turns();
      expect(client.heard).toBe('');
      held.open();
      await turns();
      expect(client.heard).toBe(`${EMPTY_ANSWER}errno=-12\n\n`);
    });
  });

  it('counts the bytes of a request until it is carried out', async () => {
    const held = gate();
    const client = open({ configure: () => held.opened });
    client.say(`set=1\n${'listen_port=2\n'.repeat(100)}\n`);
    await turns();
    expect(memory.total).toBe(1400);
    client.destroy();
    await turns();
    expect(memory.total).toBe(1400);
    held.open();
    await turns();
    expect(memory.total).toBe(0);
  });
});

function open(
  target: Partial<UapiTarget> = {},
  options: Partial<UapiConnectionOptions> = {},
): Client {
  return new Client(target, options);
}

/** The client's end of a connection. `heard` is what the connection has written. */
class Client extends Duplex {
  readonly connection: UapiConnection;
  readonly onClosed = vi.fn<() => void>();
  readonly ended: Promise<void>;
  readonly refusals: string[] = [];
  heard = '';
  configured = 0;
  isReading = true;
  /**
   * Tells the connection that nothing has happened for a while, as a socket does with its timeout.
   */
  standStill: () => void = () => {};
  #taken: (() => void) | undefined = undefined;

  constructor(target: Partial<UapiTarget>, options: Partial<UapiConnectionOptions>) {
    super({ allowHalfOpen: true });
    this.ended = new Promise((resolve) => this.on('close', () => resolve()));
    const count = async (): Promise<void> => void this.configured++;
    this.connection = new UapiConnection(this as unknown as Socket, {
      target: {
        status: () => Promise.resolve(EMPTY),
        ...target,
        configure: target.configure ?? count,
      },
      maxRequestLength: 1_000_000,
      memory,
      feed: undefined,
      idleTimeoutMs: 1000,
      inTurn: (set) => set(),
      onRefused: ({ message }) => this.refusals.push(message),
      onClose: this.onClosed,
      ...options,
    });
  }

  setTimeout(_ms: number, stoodStill: () => void): void {
    this.standStill = stoodStill;
  }

  say(text: string): void {
    if (text !== '') this.push(Buffer.from(text, 'latin1'));
  }

  /** The client closes its writing side. */
  hangUp(): void {
    this.push(null);
  }

  /** Reads the bytes that wait. */
  takeIt(): void {
    this.#taken?.();
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.heard += bytes.toString('latin1');
    if (this.isReading) done();
    else this.#taken = done;
  }
}

function gate(): { opened: Promise<void>; open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** Runs the event loop for some turns, so that everything that is ready happens. */
async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}
