import { describe, expect, test } from 'vitest';
import { errnoOf, explainFileError } from '../src/file-error.ts';

describe('explainFileError', () => {
  test.each([
    ['ENOSPC', 'the disk is full (ENOSPC)'],
    ['EACCES', 'permission denied: run as the owner, or change the permissions (EACCES)'],
    ['EROFS', 'the file system is read-only (EROFS)'],
    ['EBUSY', 'what Node says'],
  ])('explains %s', (code, text) => {
    expect(explainFileError(Object.assign(new Error('what Node says'), { code }))).toBe(text);
  });

  test('accepts a value that is not an error', () => expect(explainFileError('odd')).toBe('odd'));
});

describe('errnoOf', () => {
  test('returns undefined if there is no errno', () => {
    expect([errnoOf(null), errnoOf({ code: 7 }), errnoOf({ code: 'EIO' })]).toEqual([
      undefined,
      undefined,
      'EIO',
    ]);
  });
});
