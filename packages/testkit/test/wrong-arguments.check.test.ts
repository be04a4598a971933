/**
 * Tests that no public function throws one of V8's own messages for a wrong argument. Such messages
 * ("x is not a function", "Cannot read properties of undefined") show names from inside Litz.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const WRONG: readonly unknown[] = [undefined, null, 5, 'abc', {}, [], Symbol('wrong'), () => 0];
/** V8's messages for a wrong argument that was not checked. */
const BY_ACCIDENT =
  /is not (a function|iterable|a constructor)|^Cannot (read|set|destructure)|not defined/;
/** Classes whose objects only Litz makes: their constructor is private, or they are errors. */
const NOT_CALLED = new Set(['UapiServer', 'ConfigError']);
/**
 * Internal functions that the public entry exports for other packages. They never get an argument
 * of a user.
 */
const OF_LITZ = new Set(['isZeroKey', 'wipeSecrets']);

const packages = join(import.meta.dirname, '../..');
const entries = await Promise.all(
  ['core/src', 'config/src', 'config/src/uapi', 'device/src'].map(
    async (entry) =>
      [
        entry,
        (await import(join(packages, entry, 'index.ts'))) as Record<string, unknown>,
      ] as const,
  ),
);

describe.each(entries)('a function of %s', (_, exported) => {
  const names = Object.keys(exported).filter(
    (name) => typeof exported[name] === 'function' && !NOT_CALLED.has(name) && !OF_LITZ.has(name),
  );

  test.each(names)('%s throws no message of V8 for a wrong argument', async (name) => {
    const accidents: string[] = [];
    for (const argument of WRONG) {
      const error = await errorOf(exported[name] as Callable, argument);
      if (!(error instanceof TypeError) || !BY_ACCIDENT.test(error.message)) continue;
      accidents.push(`${String(argument)}: ${error.message}`);
    }
    expect(accidents).toEqual([]);
  });
});

type Classes = Record<
  string,
  (new (...args: unknown[]) => object) & { create(options: object): Promise<object> }
>;
const ENGINE_OPTIONS = {
  randomBytes: (out: Uint8Array) => void randomFillSync(out),
  unixTime: Date.now,
};
const [core, config, uapi, device] = entries.map(([, exported]) => exported as Classes);
/** The public classes that have methods with arguments, and how to make an object of each. */
const OBJECTS: readonly [name: string, make: () => object | Promise<object>][] = [
  ['Engine', () => new core.Engine(ENGINE_OPTIONS)],
  ['Endpoint', () => new core.Endpoint(Uint8Array.of(127, 0, 0, 1), 9)],
  ['Device', () => device.Device.create({ tun: new device.MemoryTun(), up: false })],
  ['MemoryTun', () => new device.MemoryTun()],
  ['UapiClient', () => new uapi.UapiClient('/nowhere/wg0.sock')],
  ['RequestSplitter', () => new config.RequestSplitter()],
  ['the class Device', () => device.Device],
  ['the class UapiServer', () => device.UapiServer],
  ['the class UapiClient', () => uapi.UapiClient],
];

describe.each(OBJECTS)('a method of %s', (_, make) => {
  test('throws no message of V8 for a wrong first or second argument', async () => {
    const accidents: string[] = [];
    for (const name of methodsOf(await make())) {
      for (const args of [
        ...WRONG.map((wrong) => [wrong]),
        ...WRONG.map((wrong) => [KEY, wrong]),
      ]) {
        const object = await make();
        const error = await errorOfCall(object, name, args);
        await (object as Partial<AsyncDisposable>)[Symbol.asyncDispose]?.();
        if (!(error instanceof TypeError) || !BY_ACCIDENT.test(error.message)) continue;
        accidents.push(`${name}(${args.map(String).join(', ')}): ${error.message}`);
      }
    }
    expect(accidents).toEqual([]);
    // The test makes two hundred devices.
  }, 120_000);
});

/**
 * A right first argument for methods that take a key. For other methods, it is one more wrong
 * argument.
 */
const KEY = Buffer.alloc(32, 1).toString('base64');
/**
 * Methods whose arguments are not checked, because only the packet loop calls them, and methods of
 * JavaScript itself.
 */
const NOT_FOR_USERS = new Set(['handlePackets', 'read', 'write', 'constructor']);

function methodsOf(object: object): string[] {
  const owner: object = typeof object === 'function' ? object : Object.getPrototypeOf(object);
  return Object.entries(Object.getOwnPropertyDescriptors(owner))
    .filter(([name, { value }]) => typeof value === 'function' && !NOT_FOR_USERS.has(name))
    .map(([name]) => name);
}

async function errorOfCall(object: object, name: string, args: unknown[]): Promise<unknown> {
  try {
    const method = Reflect.get(object, name) as (...args: unknown[]) => unknown;
    const result = await Reflect.apply(method, object, args);
    // A generator does nothing before its first step, so this takes one step. It does not wait for
    // the end of the step, because the step may never end.
    const step = (result as Partial<AsyncIterator<unknown>> | undefined)?.next?.();
    await Promise.race([step, new Promise((resolve) => setImmediate(resolve))]);
    return undefined;
  } catch (error) {
    return error;
  }
}

type Callable = (new (argument: unknown) => unknown) & ((argument: unknown) => unknown);

async function errorOf(callable: Callable, argument: unknown): Promise<unknown> {
  try {
    const isClass = Function.prototype.toString.call(callable).startsWith('class');
    await (isClass ? new callable(argument) : callable(argument));
    return undefined;
  } catch (error) {
    return error;
  }
}
