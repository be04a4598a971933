import { describe, expect, it } from 'vitest';
import { isInterfaceName, newInterfaceNameFault } from '../../src/text/interface-name.ts';

describe('isInterfaceName', () => {
  it('refuses anything that is not a string', () => {
    expect([7, null, undefined, ['a']].map((value) => isInterfaceName(value as never))).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it.each(['a', 'eth0.7', 'fifteen-letters', '...', 'wg-é', 'müüüüüüü', 'a%b', '[a]'])(
    'accepts %j',
    (name) => {
      expect(isInterfaceName(name)).toBe(true);
    },
  );

  it.each([
    '',
    '.',
    '..',
    'a b',
    'a/b',
    'a:b',
    'sixteen-letters-',
    'müüüüüüüü',
    'a\0',
    '日本語日本語',
  ])('refuses %j', (name) => {
    expect(isInterfaceName(name)).toBe(false);
  });

  it.each([
    // Characters of 1, 2, 3 and 4 bytes in UTF-8, at the limits between these lengths.
    ['\u007f', 15],
    ['\u0080', 7],
    ['\u07ff', 7],
    ['\u0800', 5],
    ['\uffff', 5],
    ['\u{10000}', 3],
  ])('accepts %j repeated %i times, and refuses one more', (character, most) => {
    expect(isInterfaceName(character.repeat(most))).toBe(true);
    expect(isInterfaceName(character.repeat(most + 1))).toBe(false);
  });
});

describe('newInterfaceNameFault', () => {
  it.each(['a', 'wg0', 'wg%d', 'fifteen-letters', '...'])('accepts %j', (name) => {
    expect(newInterfaceNameFault(name)).toBeUndefined();
  });

  it.each([
    [7, 'it is not a string'],
    ['', 'it is empty'],
    ['sixteen-letters-', 'it is longer than 15 bytes'],
    ['..', 'it is the name of a directory'],
    ['wg-é', 'only printable ASCII without spaces is allowed'],
    ['a b', 'only printable ASCII without spaces is allowed'],
    ['a/b', '"/" and ":" are not allowed'],
    ['a:b', '"/" and ":" are not allowed'],
    ['a%b', '"%" is only allowed as one "%d"'],
    ['%d%d', '"%" is only allowed as one "%d"'],
  ])('returns what is wrong with %j', (name, fault) => {
    expect(newInterfaceNameFault(name)).toBe(fault);
  });
});
