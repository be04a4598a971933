import { boringtun, litz, wireguardGo } from './implementation.ts';
import { describeInterop } from './describe-interop.ts';

for (const peer of [wireguardGo, boringtun, litz]) describeInterop(peer);
