/**
 * Serves an interface like `litz -f IFNAME`, and keeps all rights. So its child processes can
 * become another user. The child processes of `litz` cannot do that.
 *
 *   all-rights-daemon.mjs -f IFNAME
 */
import { runDaemon } from '../../dist/commands/daemon.js';

const end = new AbortController();
process.once('SIGTERM', () => end.abort());
await runDaemon(process.argv.at(-1), { env: process.env, signal: end.signal });
