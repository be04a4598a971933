import { bundlePackage } from './bundle.mjs';
import { readFileSync, rmSync } from 'node:fs';
for (const p of ['core','config','wasm','netstack','sys','openssl','tun','udp','device','net','mesh','cli']) {
  const m = JSON.parse(readFileSync(`../packages/${p}/package.json`,'utf8'));
  const entries = Object.values(m.exports).filter(e=>e.default).map(e=>e.default.replace('./dist/',''));
  if (p==='cli') entries.push('main.js','limits.js');
  const t=performance.now();
  rmSync(`/tmp/pub/${p}`,{recursive:true,force:true});
  console.log(p, (await bundlePackage(new URL(`../packages/${p}`,import.meta.url).pathname, `/tmp/pub/${p}`, entries)).filter(f=>f.endsWith('.js')).join(' '), (performance.now()-t).toFixed(0));
}
