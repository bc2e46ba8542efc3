import { type CredentialScope, deriveSigningKey, scopeText } from './signature-v4.js';

/**
 * Keeps the last derived key: one client signs with one secret, one region and one service, and the date
 * changes once a day. A key derived afresh would cost more than all the rest of a small request's signature.
 */
export class SigningKeyCache {
  #secretAccessKey = '';
  #scope = '';
  #key: Uint8Array = new Uint8Array();

  get(secretAccessKey: string, scope: CredentialScope): Uint8Array {
    const text = scopeText(scope);
    if (secretAccessKey !== this.#secretAccessKey || text !== this.#scope) {
      this.#key = deriveSigningKey(secretAccessKey, scope);
      this.#secretAccessKey = secretAccessKey;
      this.#scope = text;
    }
    return this.#key;
  }
}
