/**
 * Fetches a URL from a host behind WireGuard: without root, without an interface, on any platform.
 *
 * Usage: node main.js FILE.conf URL
 *
 * @module
 */
import { Network } from '@litz/net';

const [file = 'wg0.conf', url = 'http://10.0.0.2/'] = process.argv.slice(2);

const network = await Network.open(file);
try {
  const response = await network.fetch(url);
  console.log(response.status, await response.text());
} finally {
  await network.close();
}
