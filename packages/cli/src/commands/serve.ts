/**
 * `addServeCommand`: adds `litz serve`, a live page of interfaces and peers for a browser.
 *
 * @module
 */
import type { Command } from 'commander';
import { aborted, EndSignals } from '../end-signals.ts';
import { readPageAddress, type PageAddress } from '../page-address.ts';

/** Adds the command to `litz`. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('serve a page with interfaces and peers on a loopback address, live')
    .argument('[INTERFACE...]', 'default: all interfaces with a daemon')
    .option('--listen <address>', 'a loopback address and a port', '127.0.0.1:51880')
    .addHelpText('after', HELP)
    .action(async (names: string[], { listen }: { listen: string }) => {
      await runServe(names, readPageAddress('--listen', listen));
    });
}

/** Serves the page until a signal. */
async function runServe(names: readonly string[], address: PageAddress): Promise<void> {
  const signals = new EndSignals();
  try {
    // Loaded only here, because most commands need no server.
    const { openLivePage } = await import('../serve/open-live-page.ts');
    const page = await openLivePage(names, address, '--listen');
    process.stdout.write(`${page.url}\n`);
    await aborted(signals.signal);
    await page.close();
  } finally {
    signals.release();
  }
}

const HELP = `
litz serve prints the address of the page, and ends with Ctrl-C. The page shows what litz top shows,
and charts of the last ten minutes. /status.json has the same values as JSON. The page changes nothing and
contains no secrets. Only users of this machine can reach it. From another machine, use
ssh -L 51880:127.0.0.1:51880 HOST.

litz serve reads the sockets of the daemons, so it needs their rights: usually root.`;
