import { afterAll } from 'vitest';
import { describeInterop } from './describe-interop.ts';
import { bootKernel, kernel } from './kernel.ts';
import type { KernelGuest } from './kernel-guest.ts';

// The first test that runs boots the guest for all tests.
let booting: Promise<KernelGuest> | undefined;
afterAll(async () => {
  const guest = await booting?.catch(() => undefined);
  await guest?.shutDown();
});

describeInterop(kernel, async () => {
  booting ??= bootKernel();
  return (await booting).connect();
});
