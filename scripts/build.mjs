import { buildLibrary } from './build-library.mjs';
import { ensureInstalled } from './ensure-installed.mjs';

await ensureInstalled();
await buildLibrary();
