import { accessKey } from './access-key.js';
import { text } from './language.js';

/**
 * Asks the app for something.
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<unknown>}
 * @throws Error in words for the user
 */
export async function askApp(method, path, body) {
  const response = await request(method, path, body);
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const message = String(answer.message ?? response.statusText);
  throw new Error(text('appFailed', { status: String(response.status), message }));
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function request(method, path, body) {
  try {
    return await fetch(path, {
      method,
      headers: { 'X-Api-Key': accessKey() ?? '', 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Error(text('appUnreachable'));
  }
}
