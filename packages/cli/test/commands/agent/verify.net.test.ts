import type { Judgement, MeshStatus } from '@litz/mesh';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeSockets } from '../../host.ts';
import { realInterfaces, type LitzProcess } from '../../litz-process.ts';
import { MeshCluster, type MeshNode } from './mesh-cluster.ts';

let cluster: MeshCluster;
let one: MeshNode;
let two: MeshNode;
const daemons = new Map<MeshNode, LitzProcess>();
const agents = new Map<MeshNode, LitzProcess>();

describeWith(realInterfaces, 'litz agent', () => {
  beforeEach(async () => {
    cluster = await MeshCluster.create(2);
    [one, two] = cluster.nodes as [MeshNode, MeshNode];
    for (const node of cluster.nodes) {
      daemons.set(node, await node.daemon());
      agents.set(node, node.agent(SERVERS));
    }
    for (const node of cluster.nodes) await node.untilPeersAnswered(1);
  });

  afterEach(async () => {
    await cluster.close();
    removeSockets();
  });

  it('verify finds nothing in plaintext, and exits with 0', async () => {
    expect(await verified(one)).toEqual({
      code: 0,
      text: expect.stringMatching(
        /^PASS {10}n2 {2}\d answers between 10\.244\.1\.0 and 10\.244\.2\.0; .*\nPASS .*1 of 1 peers passed\n$/,
      ) as string,
    });
    const judgement = JSON.parse(await two.ask('verify', '--json')) as Judgement;
    expect(judgement).toMatchObject({ verdict: 'PASS', peers: [{ peer: 'n1', leaks: [] }] });
  });

  it('verify finds a leak that the test causes, names the flow, and exits with 1', async () => {
    // This rule comes before the rules of the agent. The agent must not change the rule of another
    // program, so packets leak.
    const rule = ['rule', 'add', 'priority', '100', 'to', two.prefix, 'lookup', 'main'];
    await one.host.run('ip', rule);
    const { code, text } = await verified(one);
    expect(code).toBe(1);
    expect(text).toMatch(
      /^LEAK {10}n2 {2}icmp 10\.244\.1\.0 -> 10\.244\.2\.0 leaves in plaintext on wan$/m,
    );
    expect(text).toMatch(/^LEAK .*0 of 1 peers passed$/m);
    await one.host.run('ip', ['rule', 'del', 'priority', '100']);
    expect((await verified(one)).code).toBe(0);
  });

  it('verify is inconclusive for a peer whose daemon is gone, and exits with 2', async () => {
    await daemons.get(two)?.end('SIGKILL');
    const { code, text } = await verified(one);
    expect(code).toBe(2);
    expect(text).toMatch(/^INCONCLUSIVE {2}n2 {2}no answer from 10\.244\.2\.0$/m);
  });

  it('serves a page with the same status as the control socket, and metrics of the peer', async () => {
    const page = JSON.parse(await bodyOf(PAGE, 'status.json')) as MeshStatus;
    const { node, interface: link, peers, version } = await one.status();
    expect(page).toMatchObject({ version, node, interface: link });
    expect(page.peers.map(({ name, state, prefixes }) => ({ name, state, prefixes }))).toEqual(
      peers.map(({ name, state, prefixes }) => ({ name, state, prefixes })),
    );
    expect(await bodyOf(PAGE, '')).toMatch(/^<!doctype html>/);
    const own = `hostname="n1",public_key="${node.keys[0]?.publicKey}"`;
    const peer = `peer="n2",peer_key="${peers[0]?.keys[0]?.publicKey}"`;
    const text = await bodyOf(METRICS, 'metrics');
    expect(text).toContain(`wireguard_bytes_sent{${own},${peer},`);
    expect(text).toMatch(/^litz_mesh_peers\{state="connected"\} 1$/m);
  });

  it('is healthy as soon as it runs, and ready when its daemon is configured', async () => {
    expect(await fetched(HEALTH, 'healthz')).toEqual({ status: 200, text: 'ok\n' });
    expect(await fetched(HEALTH, 'readyz')).toEqual({ status: 200, text: 'ok\n' });
    await agents.get(one)?.end('SIGKILL');
    await daemons.get(one)?.end('SIGKILL');
    one.agent(SERVERS);
    await one.knows(1);
    expect(await fetched(HEALTH, 'healthz')).toEqual({ status: 200, text: 'ok\n' });
    expect(await fetched(HEALTH, 'readyz')).toEqual({
      status: 503,
      text: expect.stringMatching(/^not ready\n/) as string,
    });
    await one.daemon();
    await one.untilPeersAnswered(1);
    expect((await fetched(HEALTH, 'readyz')).status).toBe(200);
  });
});

async function verified({ host, ...node }: MeshNode): Promise<{ code: unknown; text: string }> {
  const control = ['--control-dir', `${cluster.folder}/run`];
  const asked = host.litz(['agent', '--interface', node.interfaceName, ...control, 'verify']);
  const code = await asked.end();
  return { code, text: asked.text };
}

async function bodyOf(server: string, path: string): Promise<string> {
  const { status, text } = await fetched(server, path);
  expect(status).toBe(200);
  return text;
}

/**
 * Requests `path` from a server of the agent of node `one`. The request comes from the namespace of
 * the node, because the page listens on the loopback interface there.
 */
async function fetched(server: string, path: string): Promise<{ status: number; text: string }> {
  const script = `fetch('http://${server}/${path}').then(async (answer) => {
    console.log(JSON.stringify({ status: answer.status, text: await answer.text() }));
  })`;
  const output = await one.host.run(process.execPath, ['-e', script]);
  return JSON.parse(output) as { status: number; text: string };
}

const PAGE = '127.0.0.1:51872';
const METRICS = '127.0.0.1:9586';
const HEALTH = '127.0.0.1:9587';
const SERVERS = ['--page', PAGE, '--metrics', METRICS, '--health', HEALTH];
