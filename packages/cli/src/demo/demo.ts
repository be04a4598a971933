/**
 * `runDemo`: shows two nodes and the tunnel between them at work.
 *
 * If this user may make network namespaces, the demo makes two of them, and each node has a real
 * TUN device in one. If this user may not make them, the demo does the same in a user namespace,
 * where an ordinary user is root. If user namespaces are not allowed either, the nodes are in
 * memory.
 *
 * @module
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Crossing } from './crossing.ts';
import { failuresOf, formatReport, type DemoResult } from './report.ts';

export interface DemoOptions {
  readonly write: (text: string) => void;
  /** If this process is already in a user namespace, the form must not be 'user-namespace'. */
  readonly form: DemoForm | 'auto';
}

export type DemoForm = 'namespaces' | 'user-namespace' | 'memory';

/**
 * Runs the demo. Returns the exit code: 0 if the tunnel worked and nothing readable crossed the
 * wire.
 */
export async function runDemo({ write, form }: DemoOptions): Promise<number> {
  const choice = form === 'auto' ? await chooseForm() : { form, reason: '' };
  if (choice.form === 'user-namespace') {
    write('Not root: running as root of a user namespace.\n');
    const { runInUserNamespace } = await import('./user-namespace.ts');
    return runInUserNamespace([ENTRY, 'demo', '--form', 'namespaces']);
  }
  if (choice.reason)
    write(`${choice.reason}\nUsing two devices in memory instead, over loopback UDP.\n`);
  const result = await (choice.form === 'memory' ? inMemory(write) : inNamespaces(write));
  write(`\n${formatReport(result)}`);
  const failures = failuresOf(result);
  for (const failure of failures) write(`FAILED: ${failure}\n`);
  if (failures.length === 0) write(`\n${conclusion(result)}\n`);
  return failures.length === 0 ? 0 : 1;
}

function conclusion({ lostFrames }: DemoResult): string {
  if (lostFrames === 0)
    return 'All data went through the tunnel; outside, none of it was readable.';
  return 'All data went through the tunnel; none was readable in the captured frames.';
}

interface Choice {
  readonly form: DemoForm;
  /** Why 'auto' has chosen nodes in memory; empty: it has not. */
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
    // There is no koffi for this processor or C library.
    return memory(`System calls are not possible: ${(error as Error).message}`);
  }
  const { userNamespaceFailure } = await import('./user-namespace.ts');
  const failure = userNamespaceFailure();
  if (failure === undefined) return { form: 'user-namespace', reason: '' };
  return memory(`Neither root nor user namespaces: ${failure}.`);
}

/**
 * Returns why /dev/net/tun cannot be used: it does not exist, its mode forbids it, or the container
 * does not have the device. undefined: it can be used.
 */
function tunFailure(): string | undefined {
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
    if (statSync('/dev/net/tun').isCharacterDevice()) return undefined;
    return 'No TUN devices: /dev/net/tun is not a device.';
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
