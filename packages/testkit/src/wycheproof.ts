/**
 * The frame that all files of Wycheproof share.
 *
 * @module
 */

export interface Wycheproof<T> {
  testGroups: { tests: T[] }[];
}

/** All tests of all groups. */
export function testsOf<T>(file: Wycheproof<T>): T[] {
  return file.testGroups.flatMap(({ tests }) => tests);
}
