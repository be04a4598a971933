import { describeCryptoProvider } from '@litz/testkit';
import { createWasmProvider, loadWasmProvider, WasmArena } from '../src/index.ts';

describeCryptoProvider('wasm, with SIMD', loadWasmProvider);
describeCryptoProvider('wasm, without SIMD', () =>
  createWasmProvider(new WasmArena({ build: 'scalar' })),
);
