import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes `x.lua.js` of each `x.lua` under `lib/`, so that nothing is read from the disk when the library runs. */
export async function writeLuaModules(folder) {
  for (const name of await readdir('lib', { recursive: true })) {
    if (!name.endsWith('.lua')) continue;
    await mkdir(dirname(`${folder}/${name}`), { recursive: true });
    await writeFile(`${folder}/${name}.js`, luaModule(await readFile(`lib/${name}`, 'utf8')));
  }
}

function luaModule(lua) {
  return `export default ${JSON.stringify(lua)};\n`;
}

/** Jest's transform. */
export default { process: (lua) => ({ code: luaModule(lua) }) };
