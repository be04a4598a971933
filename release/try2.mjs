import { stagePackage } from './stage.mjs';
import { publishedPackages } from './packages.mjs';
import { mkdirSync, symlinkSync, realpathSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
const nm='/tmp/pub2/node_modules'; rmSync('/tmp/pub2',{recursive:true,force:true}); mkdirSync(nm+'/@litz',{recursive:true});
for (const {folder,manifest} of publishedPackages()) { await stagePackage(folder, join(nm,manifest.name));
 for (const n of Object.keys({...manifest.dependencies,...manifest.optionalDependencies})) if(!/litz/.test(n)){ const s=join(folder,'node_modules',n); const d=join(nm,n); if(existsSync(s)&&!existsSync(d)){mkdirSync(join(d,'..'),{recursive:true});symlinkSync(realpathSync(s),d)}}}
