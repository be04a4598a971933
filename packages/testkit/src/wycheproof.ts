/**
 * The structure that all files of Wycheproof have in common.
 *
 * @module
 */

export interface Wycheproof<T> {
  testGroups: { tests: T[] }[];
}

/** Returns the tests of all groups. */
export function testsOf<T>(file: Wycheproof<T>): T[] {
  return file.testGroups.flatMap(({ tests }) => tests);
}
