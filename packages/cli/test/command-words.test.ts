import { describe, expect, test } from 'vitest';
import { checkFirstWord, OWN_COMMANDS } from '../src/command-words.ts';
import { checkInterfaceName } from '../src/interface-name.ts';

describe('checkFirstWord', () => {
  test.each(
    'help version status showconf set setconf addconf syncconf start stop restart list'
      .concat(' run daemon delete ls watch')
      .split(' '),
  )('refuses %s and says how to make an interface with that name', (word) => {
    const check = (): string[] => warningsOf(word);
    expect(check).toThrow(`there is no command "${word}": `);
    expect(check).toThrow(`for an interface with that name, use: litz -- ${word}`);
    expect(check).toThrow(expect.objectContaining({ exitCode: 2 }) as Error);
  });

  test.each([
    ['version', 'litz --version'],
    ['status', 'litz show'],
    ['syncconf', 'it is a command of wg'],
    ['stop', 'litz down INTERFACE'],
    ['start', 'litz up FILE.conf'],
    ['monitor', 'litz --help'],
  ])('refuses %s and suggests: %s', (word, hint) => {
    expect(() => warningsOf(word)).toThrow(hint);
  });

  test.each([
    ['server', 'serve'],
    ['statsu', 'status'],
    ['sho', 'show'],
    ['shwo', 'show'],
    ['shows', 'show'],
    ['helo', 'help'],
    ['Help', 'help'],
    ['upp', 'up'],
    ['genkeys', 'genkey'],
    ['pubkye', 'pubkey'],
    ['demos', 'demo'],
  ])('accepts %s with a warning that names a similar command: %s', (word, similar) => {
    expect(warningsOf(word)).toEqual([
      `litz: "${word}" is not a command (did you mean "${similar}"?): making an interface with that name`,
    ]);
  });

  test.each(
    'wg0 wg%d tun0 utun eth0 vpn us uk office home test peer peer1 server1 laptop client tun lan'
      .concat(' wireguard litz0 showroom constructor __proto__ ha-router x a.b')
      .split(' '),
  )('accepts %s without a warning', (word) => {
    expect(() => checkInterfaceName(word)).not.toThrow();
    expect(warningsOf(word)).toEqual([]);
  });

  test('explains how to bring up a file if the word looks like a file', () => {
    expect(warningsOf('wg0.conf')).toEqual([
      'litz: "wg0.conf" is used as the name of an interface; for a file, use: litz up ./wg0.conf',
    ]);
  });

  test.each(['', '-f', '--', '--help', '--verbose'])('does not warn about %j', (word) => {
    expect(warningsOf(word)).toEqual([]);
  });

  test('suggests a command of litz for a similar word', () => {
    for (const command of OWN_COMMANDS) {
      expect(warningsOf(`${command}x`).join()).toContain(`"${command}"`);
    }
  });
});

function warningsOf(word: string): string[] {
  const warnings: string[] = [];
  checkFirstWord(word, (line) => warnings.push(line));
  return warnings;
}
