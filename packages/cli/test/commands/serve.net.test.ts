import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { describeWith } from '@litz/testkit';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { Host, removeSockets, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { LITZ, LitzProcess, realInterfaces } from '../litz-process.ts';

const NAME = uniqueName('v');
const STOPPED = uniqueName('w');
const peer = keyPair();
let host: Host;

describeWith(realInterfaces, 'litz serve', () => {
  beforeAll(async () => {
    host = new Host();
    await host.run(process.execPath, [LITZ, NAME]);
    const words = `set ${NAME} private-key ${host.write('key', [keyPair().privateKey])} peer ${peer.publicKey}`;
    await host.run('wg', words.split(' '));
  });
  afterAll(async () => {
    await host.run(process.execPath, [LITZ, 'down', NAME]);
    await host.close();
    removeSockets();
  });

  it('serves a page about a daemon until SIGTERM', async () => {
    // The daemon is in a namespace and the page is not. This works, because the socket is a file.
    const litz = serve([NAME]);
    await litz.says(/^http:/m);
    const url = litz.text.trim();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const status = await text(await ask(`${url}status.json`));
    expect(JSON.parse(status)).toMatchObject({
      interfaces: [{ name: NAME, peerCount: 1, connectedCount: 0 }],
      peers: [{ interface: NAME, publicKey: peer.publicKey, state: 'waiting' }],
    });
    expect(status).not.toContain((await host.run('wg', ['show', NAME, 'private-key'])).trim());
    expect((await ask(url, { host: 'rebound.example' })).statusCode).toBe(403);
    expect((await ask(url)).statusCode).toBe(200);
    expect(await litz.end('SIGTERM')).toBe(0);
  });

  it('serves the page although one of the daemons does not run, and shows which one', async () => {
    const litz = serve([NAME, 'none0']);
    await litz.says(/^http:/m);
    const status = await text(await ask(`${litz.text.trim()}status.json`));
    expect(JSON.parse(status)).toMatchObject({
      interfaces: [{ name: NAME }, { name: 'none0', trouble: expect.stringMatching(/none0/) }],
    });
    expect(await litz.end('SIGINT')).toBe(0);
  });

  it('does not wait for a daemon that is stopped', async () => {
    // Like a daemon that got SIGSTOP: the kernel accepts connections, and nothing answers.
    const stopped = createServer().listen(`/var/run/wireguard/${STOPPED}.sock`);
    onTestFinished(() => void stopped.close());
    await once(stopped, 'listening');
    const litz = serve([STOPPED, NAME]);
    await litz.says(/^http:/m);
    const start = performance.now();
    for (let turn = 0; turn < 3; turn++) {
      const status = await text(await ask(`${litz.text.trim()}status.json`));
      expect(JSON.parse(status)).toMatchObject({
        interfaces: [
          { name: STOPPED, trouble: 'does not answer' },
          { name: NAME, peerCount: 1 },
        ],
      });
    }
    expect(performance.now() - start).toBeLessThan(4000);
    expect(await litz.end('SIGTERM')).toBe(0);
    const top = host.litz(['top', STOPPED, NAME]);
    expect([await top.end(), top.text]).toEqual([
      0,
      expect.stringMatching(new RegExp(`${STOPPED}: does not answer`)),
    ]);
    const alone = host.litz(['top', STOPPED]);
    expect([await alone.end(), alone.text]).toEqual([1, `litz: ${STOPPED}: does not answer\n`]);
  });

  it('refuses an address that other machines can reach, and a port that is taken', async () => {
    const open = host.litz(['serve', '--listen', '0.0.0.0:80']);
    expect([await open.end(), open.text]).toEqual([
      2,
      'litz: --listen expected a loopback address and a port, such as 127.0.0.1:51872, got 0.0.0.0:80\n',
    ]);
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const taken = serve([NAME], port);
    expect([await taken.end(), taken.text]).toEqual([
      1,
      `litz: --listen 127.0.0.1:${port}: another program uses this port: choose another one\n`,
    ]);
  });
});

function serve(names: readonly string[], port = 0): LitzProcess {
  const litz = new LitzProcess(['serve', ...names, '--listen', `127.0.0.1:${port}`]);
  onTestFinished(async () => void (await litz.end('SIGKILL')));
  return litz;
}

async function ask(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const sent = request(url, { headers, agent: false });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}
