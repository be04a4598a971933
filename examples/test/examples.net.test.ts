import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatKey, generateKeyPair, type KeyPair } from '@litz/core';
import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { builtExamples, endOf, realInterfaces, runExample, startExample } from './run-example.ts';

describeWith([builtExamples], 'an example without privileges', () => {
  test('run-loop: both engines have a session, and each receives a packet', async () => {
    const { code, output, errors } = await runExample('run-loop');
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(output.split('\n').toSorted()).toEqual([
      '',
      'alice received: hello, alice',
      'alice: session up',
      'bob received: hello, bob',
      'bob: session up',
    ]);
  });

  test('two-peers-in-memory: packets go in both directions, and a wrong packet is dropped', async () => {
    expect(await runExample('two-peers-in-memory')).toEqual({
      code: 0,
      errors: '',
      output:
        'alice has a session with bob\n' +
        'bob received: hello, bob\n' +
        'alice received: hello, alice\n' +
        'bob dropped a packet: disallowed-source\n',
    });
  });
});

describeWith([builtExamples], 'a network in a process', () => {
  test('server-behind-nat answers fetch-over-tunnel, but not a request to its port on the machine itself', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'litz-example-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [keysA, keysB] = [generateKeyPair(), generateKeyPair()];
    const port = await freeUdpPort();
    const client = join(folder, 'client.conf');
    const server = join(folder, 'server.conf');
    writeFileSync(server, fileOf(keysB, 2, `ListenPort = ${port}`, keysA, ''));
    const endpoint = `Endpoint = 127.0.0.1:${port}`;
    writeFileSync(client, fileOf(keysA, 1, '', keysB, endpoint));
    const running = startExample('server-behind-nat', [server, '8080']);
    const [line] = (await once(running.stdout, 'data')) as [Buffer];
    expect(String(line)).toBe('http://10.0.0.2:8080/ is ready\n');
    expect(await runExample('fetch-over-tunnel', [client, 'http://10.0.0.2:8080/'])).toEqual({
      code: 0,
      errors: '',
      output: '200 hello 10.0.0.1, this is 10.0.0.2\n\n',
    });
    await expect(fetch('http://127.0.0.1:8080/')).rejects.toThrow('fetch failed');
    running.kill('SIGTERM');
    expect(await endOf(running)).toMatchObject({ code: 0, errors: '' });
  });
});

describeWith(realInterfaces, 'an example with real interfaces', () => {
  test('node-to-node: there is a handshake, and every ping is answered', async () => {
    const { code, output, errors } = await runExample('node-to-node');
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(output).toMatch(/^right found left at 192\.0\.2\.1$/m);
    expect(output).toMatch(/^handshake in \d+\.\d ms$/m);
    expect(output).toMatch(/^ping 10\.88\.0\.2: 5 of 5 answered, \d+\.\d\d ms on average$/m);
  });

  test('http-over-tunnel: the body comes back, and it went through the tunnel', async () => {
    expect(await runExample('http-over-tunnel')).toEqual({
      code: 0,
      errors: '',
      output:
        'the server is ready\n' +
        '200, asked by 10.88.0.1\n' +
        '4194304 bytes came back, the same\n' +
        'all of it through the tunnel\n',
    });
  });
});

/** A wg-quick file of the node 10.0.0.NUMBER with one peer. */
// oxlint-disable-next-line max-params -- each is a part of the file
function fileOf(
  own: KeyPair,
  number: number,
  ownField: string,
  peer: KeyPair,
  peerFields: string,
): string {
  return `[Interface]
PrivateKey = ${formatKey(own.privateKey)}
Address = 10.0.0.${number}/24
${ownField}

[Peer]
PublicKey = ${formatKey(peer.publicKey)}
AllowedIPs = 10.0.0.${3 - number}/32
${peerFields}
`;
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
