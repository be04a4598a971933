/**
 * `followNames`: looks the names of `litz INTERFACE --resolve KEY=HOST:PORT` up again while their
 * peers do not answer.
 *
 * A daemon gets only addresses from `wg`, which looks a name up once. So a peer that moves to
 * another address would be lost. The new process of an upgrade has the same command line, and so
 * the same names.
 *
 * @module
 */
import { parseEndpoint, parsePublicKey } from '@litz/core/text';
import type { NamedPeer, RefreshedDevice } from '@litz/device/quick';
import { InvalidArgumentError } from 'commander';

/**
 * Reads one `--resolve KEY=HOST:PORT`, and adds it to the earlier ones.
 *
 * @throws {InvalidArgumentError} the text has another form; the message shows the right one
 */
export function readName(text: string, earlier: readonly string[] = []): string[] {
  parseName(text);
  return [...earlier, text];
}

/**
 * Watches the peers until the returned function is called. A peer that does not answer gets the new
 * address of its name. A peer need not exist yet.
 *
 * @param log called with a line for each new address, and for each look-up that failed
 */
export async function followNames(
  device: RefreshedDevice,
  names: readonly string[],
  log: (line: string) => void,
): Promise<() => void> {
  if (names.length === 0) return () => {};
  const { EndpointRefresh } = await import('@litz/device/quick');
  const refresh = new EndpointRefresh({ device, log });
  for (const name of names) refresh.follow(parseName(name));
  return () => refresh.close();
}

function parseName(text: string): NamedPeer {
  try {
    const [key, endpoint] = [text.slice(0, KEY_LENGTH), text.slice(KEY_LENGTH + 1)];
    const named = parseEndpoint(endpoint);
    if (text[KEY_LENGTH] === '=' && 'host' in named) {
      return { publicKey: parsePublicKey(key), host: named.host, port: named.port };
    }
  } catch {
    // The message below says what is right.
  }
  throw new InvalidArgumentError('Expected the public key of a peer and a name: KEY=HOST:PORT.');
}

/** Characters of a key in base64. */
const KEY_LENGTH = 44;
