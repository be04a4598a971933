/**
 * What carries a tunnel: two machines with a wire between them.
 *
 *   machine a                                  machine b
 *   192.168.77.1, fd77::1  ------------------  192.168.77.2, fd77::2
 *
 * @module
 */

/** Addresses, the same on every machine of that number. */
export interface Addresses {
  readonly v4: string;
  readonly v6: string;
}

/** Something with a network stack of its own, in which commands run. */
export interface Machine {
  /** The link that the wire ends at. */
  readonly wire: string;
  /** Runs a command to its end. @returns its standard output; @throws with its output if it fails */
  run(command: string, ...args: string[]): Promise<string>;
  /** `wg` takes keys from files only: makes one, readable by root alone, for as long as `use` runs. */
  withFile<T>(text: string, use: (path: string) => Promise<T>): Promise<T>;
  /** Sends bytes that do not compress over TCP. @returns their SHA-256 */
  send(address: string, port: number, bytes: number): Promise<string>;
  /** Listens before it resolves. @returns the SHA-256 of what one connection brings */
  receive(address: string, port: number): Promise<{ sha256: Promise<string> }>;
}

export interface Underlay<A extends Machine, B extends Machine> {
  readonly a: A;
  readonly b: B;
  /** Lines of tcpdump, as the wire is seen from a. */
  watch(filter: string): Promise<{ lines: () => string[] }>;
  /** The test is over. Ends what it started on the machines. */
  remove(): Promise<void>;
}

/** Of the wire's two ends. */
export function outerAddresses(number: number): Addresses {
  return { v4: `192.168.77.${number}`, v6: `fd77::${number}` };
}

/** Without duplicate address detection, which takes a second. */
export async function addAddresses(
  machine: Machine,
  link: string,
  { v4, v6 }: Addresses,
): Promise<void> {
  await machine.run('ip', 'address', 'add', `${v4}/24`, 'dev', link);
  await machine.run('ip', 'address', 'add', `${v6}/64`, 'dev', link, 'nodad');
  await machine.run('ip', 'link', 'set', link, 'up');
}

/** Asks until the answer is yes. @throws after `timeoutMs` with `what` and why it was no at last */
export async function eventually(
  what: string,
  ask: () => Promise<boolean> | boolean,
  timeoutMs = 15_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  let last = 'the answer was no';
  while (performance.now() < end) {
    try {
      if (await ask()) return;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${timeoutMs} ms: ${what} (${last})`);
}
