/**
 * `runProxyCommand`: runs `litz proxy` with the signals, the environment and the streams of this
 * process.
 *
 * @module
 */
import { redactKeys } from '@litz/core/internals';
import { Network } from '@litz/net';
import { EndSignals } from '../../end-signals.ts';
import type { ProxyFlags } from '../../proxy/proxy-flags.ts';
import { keepFewRights } from '../../rights/few-rights.ts';
import { ServiceManager } from '../../service/service-manager.ts';
import { openNetwork } from './open-network.ts';
import { runProxy } from './run-proxy.ts';

/** @throws {Failure} the proxy could not be started, or lost its tunnel */
export async function runProxyCommand(file: string, flags: ProxyFlags): Promise<void> {
  const signals = new EndSignals();
  const manager = new ServiceManager({
    env: process.env,
    onError: (error) => print((error as Error).message),
  });
  signals.signal.addEventListener('abort', () => manager.stopping(), { once: true });
  try {
    if (!flags.check) keepFewRights('proxy', { user: flags.user });
    await runProxy(file, flags, {
      env: process.env,
      signal: signals.signal,
      print,
      onReady: (isAlive) => {
        manager.ready(`serves the network of ${file}`);
        manager.watch(isAlive);
      },
      streams: { input: process.stdin, output: process.stdout },
      checkTunnel: (config, file) => Network.check(config, file),
      openNetwork,
    });
  } finally {
    signals.release();
    manager.close();
  }
}

function print(line: string): void {
  process.stderr.write(`${redactKeys(line)}\n`);
}
