import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { builtExamples, realInterfaces, runExample } from './run-example.ts';

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
