import { readFile } from 'node:fs/promises';

/** npm makes links of these, and of the README's relative links. What is published can't be corrected. */
const NEEDED = ['repository', 'homepage', 'bugs'];

const manifest = JSON.parse(await readFile('package.json', 'utf8'));
const missing = NEEDED.filter((field) => !addressIn(manifest[field]));
if (missing.length > 0) {
  console.error(`package.json can't be published without: ${missing.join(', ')}`);
  process.exitCode = 1;
}

/** npm takes these as text, or as objects. */
function addressIn(value) {
  const address = typeof value === 'object' ? (value?.url ?? value?.email) : value;
  return typeof address === 'string' && address.trim();
}
