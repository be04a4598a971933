import { describeInterop } from './describe-interop.ts';
import { boringtun, litz, wireguardGo } from './implementation.ts';
import { twoNamespaces } from './namespace.ts';

const anotherLitz = { ...litz, name: 'another litz' };

for (const peer of [wireguardGo, boringtun, anotherLitz]) describeInterop(peer, twoNamespaces);
