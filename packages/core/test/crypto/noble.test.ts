import { describeCryptoProvider } from '@litz/testkit';
import { nobleProvider } from '../../src/crypto/noble.ts';

describeCryptoProvider('noble', () => nobleProvider);
