import { describeCryptoProvider } from '../src/crypto-conformance.ts';
import { referenceProvider } from '../src/reference-provider.ts';

describeCryptoProvider('reference', () => referenceProvider);
