import { describeCryptoProvider, describeWith, requirement } from '@litz/testkit';
import { createOpensslProvider } from '../src/index.ts';

const openssl = requirement("Node's own OpenSSL", () => {
  createOpensslProvider();
});

describeWith([openssl], 'OpenSSL', () => {
  describeCryptoProvider('openssl', createOpensslProvider);
});
