import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { unusedPort } from './loopback.ts';
import { ProxyFixture } from './proxy-fixture.ts';

const fixture = new ProxyFixture();

afterEach(() => fixture.close());

describe('connectStdio', () => {
  test('passes input and its end to the target, and the answer to output', async () => {
    const target = await fixture.server((socket) => {
      let got = '';
      socket.on('data', (part: Buffer) => (got += String(part)));
      socket.on('end', () => socket.end(`got ${got}`));
    });
    const { run, input, output } = await stdio(target.port);
    const ended = run();
    input.end('question');
    expect(await text(output)).toBe('got question');
    await ended;
  });

  test('ends the output when the target ends, while the input is open', async () => {
    const target = await fixture.server((socket) => socket.end('bye'));
    const { run, input, output } = await stdio(target.port);
    const ended = run();
    expect(await text(output)).toBe('bye');
    input.end();
    await ended;
  });

  test('says which target was not reached', async () => {
    const port = await unusedPort();
    const { run } = await stdio(port);
    await expect(run()).rejects.toThrow(
      new RegExp(`^--stdio x: cannot reach 127.0.0.1:${port}: .*ECONNREFUSED`),
    );
  });
});

async function stdio(
  port: number,
): Promise<{ run: () => Promise<void>; input: PassThrough; output: PassThrough }> {
  const target = { host: '127.0.0.1', port };
  const proxy = await fixture.start([{ type: 'stdio', target, origin: '--stdio x' }]);
  const [input, output] = [new PassThrough(), new PassThrough()];
  return { run: () => proxy.connectStdio({ input, output }), input, output };
}
