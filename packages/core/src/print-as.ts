/**
 * `printAs`: sets how an object is printed by `console.log` of Node.js, Deno and Bun.
 *
 * @module
 */

/** Call this in the `static` block of a class, with its prototype. */
export function printAs<T>(prototype: T, print: (value: T) => string): void {
  Object.defineProperty(prototype, Symbol.for('nodejs.util.inspect.custom'), {
    value(this: T) {
      return print(this);
    },
  });
}
