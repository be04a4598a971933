/**
 * `printAs`: what a value is printed as within an object, by `console.log` of Node.js, Deno and Bun.
 *
 * @module
 */

/** For a class's `static` block, with its prototype. */
export function printAs<T>(prototype: T, print: (value: T) => string): void {
  Object.defineProperty(prototype, Symbol.for('nodejs.util.inspect.custom'), {
    value(this: T) {
      return print(this);
    },
  });
}
