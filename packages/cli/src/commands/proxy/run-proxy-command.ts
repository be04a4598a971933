/**
 * `runProxyCommand`: runs `litz proxy` with the signals, the environment and the streams of this
 * process.
 *
 * @module
 */
import { Network } from '@litz/net';
import { EndSignals } from '../../end-signals.ts';
import { writeLine } from '../../log-writer.ts';
import type { ProxyFlags } from '../../proxy/proxy-flags.ts';
import { ServiceNotifier } from '../../service/service-notifier.ts';
import { openNetwork } from './open-network.ts';
import { runProxy } from './run-proxy.ts';

/** @throws {Failure} the proxy could not be started, or lost its tunnel */
export async function runProxyCommand(file: string, flags: ProxyFlags): Promise<void> {
  const signals = new EndSignals();
  const notifier = new ServiceNotifier({
    env: process.env,
    onError: (error) => writeLine((error as Error).message),
  });
  signals.signal.addEventListener('abort', () => notifier.stopping(), { once: true });
  try {
    await runProxy(file, flags, {
      env: process.env,
      signal: signals.signal,
      print: writeLine,
      onReady: (isAlive) => {
        notifier.ready(`serves the network of ${file}`);
        notifier.watch(isAlive);
      },
      streams: { input: process.stdin, output: process.stdout },
      checkTunnel: (config, file) => Network.check(config, file),
      openNetwork,
    });
  } finally {
    signals.release();
    notifier.close();
  }
}
