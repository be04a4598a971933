import { describe, expect, test } from 'vitest';
import { Failure } from '../src/failure.ts';
import { checkInterfaceName } from '../src/interface-name.ts';

describe('checkInterfaceName', () => {
  test.each(['wg0', 'a', 'fifteen-letters', 'wg%d', '%d', 'eth0.5', 'with#sign', '...'])(
    'accepts %j',
    (name) => {
      expect(() => checkInterfaceName(name)).not.toThrow();
    },
  );

  test.each([
    ['an empty name', ''],
    ['sixteen letters', 'sixteen-letters-'],
    ['a path', '../wg0'],
    ['a slash', 'a/b'],
    ['a colon', 'eth0:1'],
    ['a space', 'a b'],
    ['a line feed', 'wg0\n'],
    ['the name of this folder', '.'],
    ['the name of the folder above', '..'],
    ['another letter behind the percent sign', 'wg%s'],
    ['two placeholders for a number', '%d%d'],
    ['letters that are not ASCII', 'wgé'],
  ])('refuses %s', (_, name) => {
    expect(() => checkInterfaceName(name)).toThrow(/is not an interface name: (it is|only|"[%/]")/);
    expect(exitCode(() => checkInterfaceName(name))).toBe(2);
  });

  test('quotes only the first 80 characters of a long name that it refuses', () => {
    expect(() => checkInterfaceName('x'.repeat(5000))).toThrow(
      /^"x{80}\.\.\." is not an interface name/,
    );
  });
});

function exitCode(run: () => void): number | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure) return error.exitCode;
  }
  return undefined;
}
