import { createConnection } from 'node:net';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { boringtun, litz, wireguardGo, type Interface } from './implementation.ts';
import { Namespace } from './namespace.ts';

/**
 * Tests how each implementation treats clients that close their writing side after a request, and
 * continue to read.
 */
for (const implementation of [litz, wireguardGo, boringtun]) {
  const { name, requirements } = implementation;
  describeWith(requirements, `A half-closed client of ${name}`, () => {
    let namespace: Namespace;
    let served: Interface;

    beforeEach(async () => {
      namespace = await Namespace.create('half');
      served = await implementation.start(namespace, {});
    });
    afterEach(async () => {
      await served.remove();
      await namespace.remove();
    });

    it('receives an answer to a get request', async () => {
      for (let i = 0; i < 10; i++) expect(await ask('get=1\n\n')).toMatch(/errno=0\n\n$/);
    });

    it('receives the errno of a set request, which is carried out', async () => {
      expect(await ask('set=1\nfwmark=7\n\n')).toBe('errno=0\n\n');
      expect(await mark()).toBe('0x7');
    });

    it('receives the errno of a set request without the empty line, which is carried out', async () => {
      expect(await ask('set=1\nfwmark=9\n')).toBe('errno=0\n\n');
      expect(await mark()).toBe('0x9');
    });

    it('receives the errno of a request whose last line has no line feed, and the line is carried out', async () => {
      expect(await ask('set=1\nfwmark=16')).toBe('errno=0\n\n');
      // boringtun removes the last character as if it were the line feed.
      expect(await mark()).toBe(name === 'boringtun' ? '0x1' : '0x10');
    });

    it('receives an answer to a get request without the empty line, except from wireguard-go', async () => {
      expect(await ask('get=1\n')).toMatch(name === 'wireguard-go' ? /^$/ : /errno=0\n\n$/);
    });

    it('receives no answer to an incomplete first line, but boringtun sends an error', async () => {
      expect(await ask('set=1')).toBe(name === 'boringtun' ? 'errno=5\n\n' : '');
    });

    it('receives the errno of a wrong value', async () => {
      expect(await ask('set=1\nlisten_port=x\n')).toMatch(/^errno=-?22\n\n$/);
    });

    async function mark(): Promise<string> {
      return (await namespace.run('wg', 'show', served.link, 'fwmark')).trim();
    }

    function ask(text: string): Promise<string> {
      return new Promise((resolve, reject) => {
        let answer = '';
        const socket = createConnection(`/var/run/wireguard/${served.link}.sock`);
        socket.on('error', reject);
        socket.on('data', (bytes) => (answer += bytes.toString('latin1')));
        socket.on('close', () => resolve(answer));
        socket.end(text);
      });
    }
  });
}
