/**
 * `runDemo`: two nodes and the tunnel between them, shown at work.
 *
 * With the right to make network namespaces: real TUN devices in two of them. Without: the same in a
 * user namespace. Where that is not allowed either: in memory.
 *
 * @module
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Crossing } from './crossing.ts';
import { failuresOf, formatReport, type DemoResult } from './report.ts';

export interface DemoOptions {
  readonly write: (text: string) => void;
  /** Never 'user-namespace' inside of one. */
  readonly form: DemoForm | 'auto';
}

export type DemoForm = 'namespaces' | 'user-namespace' | 'memory';

/** @returns the exit code: 0 if the tunnel did what a tunnel must */
export async function runDemo({ write, form }: DemoOptions): Promise<number> {
  const choice = form === 'auto' ? await chooseForm() : { form, reason: '' };
  if (choice.form === 'user-namespace') {
    write('Not root: going on as root of a user namespace.\n');
    const { runInUserNamespace } = await import('./user-namespace.ts');
    return runInUserNamespace([ENTRY, 'demo', '--form', 'namespaces']);
  }
  if (choice.reason) write(`${choice.reason}\nSo: two devices in memory, over loopback UDP.\n`);
  const result = await (choice.form === 'memory' ? inMemory(write) : inNamespaces(write));
  write(`\n${formatReport(result)}`);
  const failures = failuresOf(result);
  for (const failure of failures) write(`FAILED: ${failure}\n`);
  if (failures.length === 0) write(`\n${conclusion(result)}\n`);
  return failures.length === 0 ? 0 : 1;
}

function conclusion({ lostFrames }: DemoResult): string {
  if (lostFrames === 0) return 'All of it through the tunnel, none of it readable outside.';
  return 'All of it through the tunnel, nothing readable in the frames that were captured.';
}

interface Choice {
  readonly form: DemoForm;
  /** Why not a better one. */
  readonly reason: string;
}

function memory(reason: string): Choice {
  return { form: 'memory', reason };
}

async function chooseForm(): Promise<Choice> {
  if (process.platform !== 'linux') return memory('TUN devices of Litz are for Linux.');
  const closed = tunFailure();
  if (closed !== undefined) return memory(closed);
  const { hasNamespacePrivilege } = await import('@litz/sys');
  try {
    if (hasNamespacePrivilege()) return { form: 'namespaces', reason: '' };
  } catch (error) {
    // No koffi for this processor or C library.
    return memory(`No system calls from here: ${(error as Error).message}`);
  }
  const { userNamespaceFailure } = await import('./user-namespace.ts');
  const failure = userNamespaceFailure();
  if (failure === undefined) return { form: 'user-namespace', reason: '' };
  return memory(`Neither root nor user namespaces: ${failure}.`);
}

/** Why /dev/net/tun cannot be opened: it is not there, its mode, or a container without the device. */
function tunFailure(): string | undefined {
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
    if (statSync('/dev/net/tun').isCharacterDevice()) return undefined;
    return 'No TUN devices: /dev/net/tun is no device.';
  } catch (error) {
    return `No TUN devices: ${(error as Error).message}.`;
  }
}

async function inNamespaces(write: DemoOptions['write']): Promise<DemoResult> {
  const { Nodes, PORT } = await import('./nodes.ts');
  const { WireTap } = await import('./wire-tap.ts');
  const { runSender, startReceiver } = await import('./transfer-thread.ts');
  const { MARKER } = await import('./transfer.ts');
  write('Two network namespaces, a veth between them, wg0 (a real TUN device) in each ...\n');
  await using nodes = await Nodes.create();
  const { a, b } = nodes;
  const crossing = new Crossing(PORT, MARKER);
  const tap = a.namespace.run(() => new WireTap(a.cableIndex, crossing));
  let lostFrames = 0;
  try {
    write('Handshake ...\n');
    const handshakeMs = await nodes.handshake();
    write(`Ping ${b.address} from ${a.address} ...\n`);
    const { rttsMs, sent } = await nodes.ping(PINGS);
    write('TCP transfer ...\n');
    const { worker, port } = await startReceiver(b.namespace, b.address);
    let transfer;
    try {
      transfer = await runSender(a.namespace, { host: b.address, port }, TRANSFER);
    } finally {
      await worker.terminate();
    }
    lostFrames = tap.close();
    const intact = transfer.sentHash === transfer.receivedHash;
    const { bytes, seconds } = transfer;
    return {
      handshakeMs,
      rttsMs,
      pingsSent: sent,
      transfer: { bytes, seconds, intact },
      crossing,
      lostFrames,
    };
  } catch (error) {
    tap.close();
    throw error;
  }
}

async function inMemory(write: DemoOptions['write']): Promise<DemoResult> {
  const { MemoryNodes } = await import('./memory-nodes.ts');
  await using nodes = await MemoryNodes.create();
  write('Handshake, round trips and a transfer ...\n');
  return await nodes.run();
}

const ENTRY = fileURLToPath(new URL('../../bin/litz.js', import.meta.url));
const PINGS = 20;
const TRANSFER = { bytes: 1e9, milliseconds: 3000 };
