/**
 * The structure that all files of Wycheproof have in common. Wycheproof is a collection of test
 * vectors for cryptography.
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
