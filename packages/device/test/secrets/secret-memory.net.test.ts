/**
 * Counts the copies of a device's keys in the memory of its process: the device's own copies, and
 * those in the caller's text. When the device is closed, no copy as bytes may be left. Another
 * process searches the memory, so that the search itself leaves no copies.
 *
 * @module
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';
import { describeWith, requirement, type Requirement } from '@litz/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ALICE } from '../in-memory.ts';
import { BUILT_DEVICE, builtDevice, Host, realInterfaces } from '../two-hosts.ts';
import { fillKey, findKeys, publicTextOf, type Found } from './secret-needles.ts';

const memoryOfProcesses: Requirement = requirement('/proc/PID/mem', () =>
  existsSync('/proc/self/mem'),
);

/** How many copies of a device's keys were found after each step. */
type Steps = Record<string, { privateKey: Found; presharedKey: Found; nextKey: Found }>;

interface Case {
  readonly tun: 'memory' | 'interface';
  readonly crypto: 'auto' | 'wasm' | 'openssl' | 'noble';
  readonly input: 'bytes' | 'text';
  /** Threads that seal and open. Default 1. */
  readonly threads?: number;
}

const NOWHERE: Found = { bytes: 0, text: 0 };
const ONCE: Found = { bytes: 1, text: 0 };

describeWith([builtDevice, memoryOfProcesses], 'the memory of a process', () => {
  it.each(['auto', 'wasm'] as const)(
    'contains the keys of a device once, and not at all after they are removed (%s)',
    async (crypto) => {
      expect(await watch({ tun: 'memory', crypto, input: 'bytes' })).toEqual(USED_ONCE);
    },
  );

  it("contains each key that was given as text: once as bytes, and also in the caller's strings", async () => {
    const steps = await watch({ tun: 'memory', crypto: 'auto', input: 'text' });
    expect(withoutText(steps)).toEqual(USED_ONCE);
    // Strings cannot be wiped. They disappear when their memory is used again.
    expect(steps['open']?.privateKey.text).toBeLessThanOrEqual(STRINGS);
    expect(steps['open']?.presharedKey.text).toBeLessThanOrEqual(2 * STRINGS);
    expect(steps['next key']?.nextKey.text).toBeLessThanOrEqual(STRINGS);
  });

  it('may contain copies that noble makes of a private key, but no copy of a preshared key when the device is closed', async () => {
    const steps = await watch({ tun: 'memory', crypto: 'noble', input: 'bytes' });
    expect(steps['open']?.presharedKey).toEqual(ONCE);
    expect(steps['closed']?.presharedKey).toEqual(NOWHERE);
    // The other copies are temporary values of noble's X25519 that wait for the garbage collector.
    expect(steps['handshake']?.privateKey.bytes).toBeLessThanOrEqual(1 + NOBLE_TEMPORARIES);
    expect(steps['handshake']?.privateKey.text).toBe(0);
  });
});

describeWith(
  [...realInterfaces, memoryOfProcesses],
  'the memory of a process with a thread',
  () => {
    let host: Host;
    beforeEach(() => {
      host = new Host(ALICE);
    });
    afterEach(() => host.close());

    it.each(['bytes', 'text'] as const)(
      'contains the keys of an interface once, and not at all after they are removed (%s)',
      async (input) => {
        const steps = await host.namespace.run(() =>
          watch({ tun: 'interface', crypto: 'auto', input }),
        );
        expect(input === 'text' ? withoutText(steps) : steps).toEqual(USED_ONCE);
      },
    );

    it('contains the keys once, even if other threads seal and open', async () => {
      const steps = await host.namespace.run(() =>
        watch({ tun: 'interface', crypto: 'auto', input: 'bytes', threads: 3 }),
      );
      expect(steps).toEqual(USED_ONCE);
    });
  },
);

describe('findKeys', () => {
  it('finds bytes, and text in hex and base64', async () => {
    const script = `${FILL_KEY}
      const key = fillKey(new Uint8Array(new ArrayBuffer(32)), ${PRIVATE});
      const texts = [Buffer.from(key).toString('hex'), Buffer.from(key).toString('base64')];
      process.stdout.write('made\\n');
      process.stdin.once('data', () => process.exit(key[0] + texts.length === 0 ? 1 : 0));`;
    const child = start(script, {});
    await once(child.stdout, 'data');
    const [found] = findKeys(child.pid!, [PRIVATE]);
    child.stdin.write('\n');
    await once(child, 'exit');
    expect(found?.bytes).toBeGreaterThan(0);
    expect(found?.text).toBeGreaterThan(1);
  });
});

/** The device has one copy of its private key and one of the preshared key. */
const BOTH = { privateKey: ONCE, presharedKey: ONCE, nextKey: NOWHERE };
const NONE = { privateKey: NOWHERE, presharedKey: NOWHERE, nextKey: NOWHERE };
const USED_ONCE: Steps = {
  open: BOTH,
  handshake: BOTH,
  status: BOTH,
  'other settings': BOTH,
  'next key': { ...BOTH, nextKey: ONCE },
  'no next key': BOTH,
  'next key again': { ...BOTH, nextKey: ONCE },
  'promoted next key': { ...NONE, presharedKey: ONCE, nextKey: ONCE },
  'no private key': { ...NONE, presharedKey: ONCE },
  'no preshared key': NONE,
  'with both again': BOTH,
  closed: NONE,
};

function withoutText(steps: Steps): Steps {
  return Object.fromEntries(
    Object.entries(steps).map(([step, { privateKey, presharedKey, nextKey }]) => [
      step,
      {
        privateKey: bare(privateKey),
        presharedKey: bare(presharedKey),
        nextKey: bare(nextKey),
      },
    ]),
  );
}

function bare({ bytes }: Found): Found {
  return { bytes, text: 0 };
}

/** Runs `SCRIPT`, and searches the memory of its process whenever it prints the name of a step. */
async function watch({ tun, crypto, input, threads = 1 }: Case): Promise<Steps> {
  const child = start(SCRIPT, {
    device: BUILT_DEVICE.href,
    core: new URL('../../../core/dist/index.js', import.meta.url).href,
    tun,
    input,
    publicKey: publicTextOf(PRIVATE),
    otherPublicKey: publicTextOf(OTHER),
    crypto,
    threads: String(threads),
  });
  const steps: Steps = {};
  const ended = once(child, 'exit');
  for await (const step of createInterface({ input: child.stdout })) {
    const [privateKey, presharedKey, nextKey] = findKeys(child.pid!, [PRIVATE, PRESHARED, NEXT]);
    steps[step] = { privateKey, presharedKey, nextKey };
    child.stdin.write('\n');
  }
  expect(await ended).toEqual([0, null]);
  return steps;
}

function start(
  script: string,
  settings: Record<string, string>,
): ChildProcessByStdio<Writable, Readable, null> {
  const { crypto = 'auto', threads = '1' } = settings;
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    LITZ_THREADS: threads,
    SETTINGS: JSON.stringify(settings),
  };
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: crypto === 'auto' ? env : { ...env, LITZ_CRYPTO: crypto },
    timeout: 120_000,
  });
  return child;
}

/** The compiled text of the function, without types. */
const FILL_KEY = fillKey.toString();
const PRIVATE = 7;
const PRESHARED = 9;
const OTHER = 11;
const NEXT = 13;
/**
 * The most copies of a string that may be found. Usually one to three are found; the memory of the
 * others was overwritten before.
 */
const STRINGS = 8;
/**
 * The most temporary copies of a private key that may be found. A handshake leaves about ten: noble
 * copies the bytes of the key before it makes a BigInt of them.
 */
const NOBLE_TEMPORARIES = 40;

const SCRIPT = `${FILL_KEY}
const { core, device, tun, input, publicKey, otherPublicKey, threads } = JSON.parse(process.env.SETTINGS);
const { PresharedKey, PrivateKey } = await import(core);
const wipe = (...keys) => keys.forEach((key) => key?.fill(0));
const { Device, MemoryTun } = await import(device);
const { createInterface } = await import('node:readline');
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const turn = () => new Promise((resolve) => setTimeout(resolve, 20));

async function step(name) {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await turn();
  }
  process.stdout.write(name + '\\n');
  await lines.next();
}

/** Calls \`use\` with keys as bytes or as text, and then wipes the bytes. */
async function withKeys(use) {
  const keys = [fillKey(new PrivateKey(), ${PRIVATE}), fillKey(new PresharedKey(), ${PRESHARED})];
  const given = input === 'text' ? keys.map((key) => key.toBase64()) : keys;
  try {
    return await use({ privateKey: given[0], presharedKey: given[1] });
  } finally {
    wipe(...keys);
  }
}

const alice = await withKeys(({ privateKey, presharedKey }) =>
  Device.create({
    tun: tun === 'memory' ? new MemoryTun() : 'wg0',
    privateKey,
    peers: [{ publicKey: otherPublicKey, presharedKey, allowedIps: ['10.0.0.2/32'] }],
  }),
);
if (tun !== 'memory') while ((await alice.stats()).threads < Number(threads)) await turn();
await step('open');

const { listenPort } = await statusOf(alice);
const bob = await withKeys(({ presharedKey }) =>
  Device.create({
    tun: new MemoryTun(),
    privateKey: fillKey(new PrivateKey(), ${OTHER}),
    peers: [{ publicKey, presharedKey, endpoint: '127.0.0.1:' + listenPort }],
  }),
);
await bob.connected(publicKey, { timeout: 10_000 });
await bob.close();
await step('handshake');

async function statusOf(device) {
  const status = await device.status();
  const texts = [JSON.stringify(status), String(status.privateKey), \`\${status.privateKey}\`];
  if (texts.join('').length < 100) throw new Error('no status');
  wipe(status.privateKey, status.nextPrivateKey, ...status.peers.map((peer) => peer.presharedKey));
  return status;
}
await statusOf(alice);
await step('status');

await alice.configure({ listenPort: 0 });
await alice.configure({ peers: [{ publicKey: otherPublicKey, persistentKeepalive: 5 }] });
await step('other settings');

async function nextKey(use) {
  const key = fillKey(new PrivateKey(), ${NEXT});
  try {
    await use(input === 'text' ? key.toBase64() : key);
  } finally {
    wipe(key);
  }
}
await nextKey((nextPrivateKey) => alice.configure({ nextPrivateKey }));
await statusOf(alice);
await step('next key');

await alice.configure({ nextPrivateKey: null });
await step('no next key');

await nextKey((nextPrivateKey) => alice.configure({ nextPrivateKey }));
await alice.configure({ listenPort: 0 });
await step('next key again');

await nextKey((privateKey) => alice.configure({ privateKey }));
await step('promoted next key');

await alice.configure({ privateKey: null });
await step('no private key');

await alice.configure({ peers: [{ publicKey: otherPublicKey, presharedKey: null }] });
await step('no preshared key');

await withKeys(({ privateKey, presharedKey }) =>
  alice.configure({ privateKey, peers: [{ publicKey: otherPublicKey, presharedKey }] }),
);
await withKeys(({ privateKey, presharedKey }) =>
  alice.configure({ privateKey, peers: [{ publicKey: otherPublicKey, presharedKey }] }),
);
await step('with both again');

await alice.close();
await step('closed');
process.exit(0);
`;
