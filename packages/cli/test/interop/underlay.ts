/**
 * The network under a tunnel: two machines with a wire between them.
 *
 *   machine a                                  machine b
 *   192.168.77.1, fd77::1  ------------------  192.168.77.2, fd77::2
 *
 * @module
 */

/** The addresses of a link, without prefix lengths. */
export interface Addresses {
  readonly v4: string;
  readonly v6: string;
}

/** A machine: it has its own network stack, and runs commands. */
export interface Machine {
  /** The link at this end of the wire. */
  readonly wire: string;
  /**
   * Runs a command to its end. @returns its standard output
   *
   * @throws {Error} the command failed; the message has its output
   */
  run(command: string, ...args: string[]): Promise<string>;
  /**
   * Makes a file with `text` that only its owner can read, because `wg` reads keys from files. The
   * file exists while `use` runs.
   */
  withFile<T>(text: string, use: (path: string) => Promise<T>): Promise<T>;
  /** Sends bytes that do not compress over TCP. @returns their SHA-256 */
  send(address: string, port: number, bytes: number): Promise<string>;
  /**
   * Starts to listen for one TCP connection, and resolves when it listens. `sha256` resolves to the
   * SHA-256 of the received bytes.
   */
  receive(address: string, port: number): Promise<{ sha256: Promise<string> }>;
}

export interface Underlay<A extends Machine, B extends Machine> {
  readonly a: A;
  readonly b: B;
  /** Runs tcpdump at machine a. `lines` returns what it has printed. */
  watch(filter: string): Promise<{ lines: () => string[] }>;
  /**
   * Ends everything that the test has started on the machines, and removes the addresses on the
   * wire.
   */
  remove(): Promise<void>;
}

/**
 * Returns the addresses of a machine on the wire.
 *
 * @param number 1 for machine a, 2 for machine b
 */
export function outerAddresses(number: number): Addresses {
  return { v4: `192.168.77.${number}`, v6: `fd77::${number}` };
}

/**
 * Adds addresses without duplicate address detection, which takes a second, and sets the link up.
 */
export async function addAddresses(
  machine: Machine,
  link: string,
  { v4, v6 }: Addresses,
): Promise<void> {
  await machine.run('ip', 'address', 'add', `${v4}/24`, 'dev', link);
  await machine.run('ip', 'address', 'add', `${v6}/64`, 'dev', link, 'nodad');
  await machine.run('ip', 'link', 'set', link, 'up');
}

/**
 * Waits until `ask` returns true without an error.
 *
 * @throws {Error} after `timeoutMs`; the message has `what` and the last error
 */
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
